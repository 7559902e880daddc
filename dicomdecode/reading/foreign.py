"""What a file is that is not DICOM, by its first bytes, and what to do with it."""

from __future__ import annotations

import re

from dicomdecode.errors import MalformedError

__all__ = ["is_path", "not_dicom"]

_UNPACK = "Unpack it first"
_OTHER = "Open it with a reader of that format"

#: First bytes, what they begin, and what to do.
_STARTS = (
    (b"\x1f\x8b", "a gzip file", "Unpack it first, with gzip.open"),
    (b"PK\x03\x04", "a zip archive", "Unpack it first, with zipfile.ZipFile"),
    (b"PK\x05\x06", "an empty zip archive", "It holds no file"),
    (b"BZh", "a bzip2 file", "Unpack it first, with bz2.open"),
    (b"\xfd7zXZ\0", "an xz file", "Unpack it first, with lzma.open"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _OTHER),
    (b"\xff\xd8\xff", "a JPEG image", _OTHER),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream", _OTHER),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image", _OTHER),
    (b"GIF8", "a GIF image", _OTHER),
    (b"BM", "a BMP image", _OTHER),
    (b"II*\0", "a TIFF image", _OTHER),
    (b"MM\0*", "a TIFF image", _OTHER),
    (b"II+\0", "a BigTIFF image", _OTHER),
    (b"MM\0+", "a BigTIFF image", _OTHER),
    (b"%PDF", "a PDF document", _OTHER),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _OTHER),
    (b"NRRD", "an NRRD image", _OTHER),
    (b"\x93NUMPY", "a NumPy array", "Load it with numpy.load"),
    (b"version https://git-lfs", "a pointer of Git LFS", "Get the file itself with git lfs pull"),
)
_LEAST_TEXT = 0.95
_HEAD = 512
#: A root, a drive, a scheme or dots in front, the name of a DICOM file at the end, or separators and no white space.
_PATH = re.compile(
    r"(?:/|~|\.{1,2}[/\\]|[a-z]:[/\\]|[a-z0-9]+://).+|.+\.(?:dcm|dicom|dic|ima)|\S*[^\s<][/\\]\S*", re.IGNORECASE
)


def not_dicom(head: bytes) -> MalformedError:
    """The error for a file that is not DICOM.

    Parameters
    ----------
    head : bytes
        The first 512 bytes, or all where there are fewer.
    """
    name, hint = _what(head)
    found = f"it is {name}" if name else "no prefix 'DICM' at byte 128 and no data element at the start"
    return MalformedError(f"Not a DICOM file: {found}", code="not_dicom", offset=0, hint=hint)


def _what(head: bytes) -> tuple[str, str]:
    for start, name, hint in _STARTS:
        if head.startswith(start):
            return name, hint
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] == b"n+2":
        return "a NIfTI image", "Open it with nibabel"
    if head[257:262] == b"ustar":
        return "a tar archive", "Unpack it first, with tarfile.open"
    if not head.strip(b"\0"):
        return "nothing but zeros", "Copy or download the file again"
    return _what_text(head)


def _what_text(head: bytes) -> tuple[str, str]:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page", "The server answered with a page, not with the file: look at it for the reason"
    if start.startswith(b"<"):
        return "an XML document", "pydicom and DCMTK's xml2dcm read XML"
    if start.startswith((b"{", b"[")):
        return "a JSON document", "pydicom.Dataset.from_json reads DICOM JSON; its pixel data lie elsewhere"
    if is_path(head):
        return "the path of a file and not what is in it", (
            "Pass a path as str, os.fsdecode(path), or read it first; TensorFlow's ops take tf.io.read_file(path)"
        )
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    return ("a text", "Open it in an editor") if plain >= _LEAST_TEXT * len(head) else ("", "")


def is_path(head: bytes) -> bool:
    """Whether bytes are one short line that reads like a path."""
    try:
        text = head.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(head) < _HEAD and text.isprintable() and _PATH.fullmatch(text) is not None
