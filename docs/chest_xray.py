"""The chest X-ray of the tutorial: fetched, copied from a kit of files, or made up. Prints which.

python docs/chest_xray.py chest.dcm
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

ADDRESS = "https://github.com/tensorflow/io/raw/master/docs/tutorials/dicom/dicom_00000001_000.dcm"
SIZE = 1049332
SHA256 = "2b2ee2ae9fdbcc1388e2efe07f6979c53f9a4574727fc16c31c7f57d92899e8d"
IN_KIT = Path("files/tensorflow__io/docs/tutorials/dicom/dicom_00000001_000.dcm")


def is_it(contents: bytes) -> bool:
    return len(contents) == SIZE and hashlib.sha256(contents).hexdigest() == SHA256


def made_up(size: int = 1024) -> bytes:
    """Two dark lungs in a bright body: 8 bits, MONOCHROME2, Explicit VR Little Endian."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    body = 200 * np.exp(-((x / 0.9) ** 4) - (y / 1.1) ** 6)
    for side in (-0.38, 0.38):
        lung = np.exp(-((((x - side) / 0.27) ** 2 + ((y + 0.05) / 0.55) ** 2) ** 2))
        body -= lung * (125 - 14 * np.cos(26 * (y + 0.9 * (np.abs(x) - 0.4) ** 2)))
    pixels = (body + 20).clip(0, 255).astype(np.uint8)

    def element(tag: int, vr: str, value: bytes) -> bytes:
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
        form = "<HH2sHI" if vr == "OW" else "<HH2sH"
        numbers = (0, len(value)) if vr == "OW" else (len(value),)
        return struct.pack(form, tag >> 16, tag & 0xFFFF, vr.encode(), *numbers) + value

    def number(tag: int, n: int) -> bytes:
        return element(tag, "US", struct.pack("<H", n))

    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.1")
    head = [element(0x00080060, "CS", b"DX"), element(0x00100010, "PN", b"Nobody^At All")]
    head += [number(0x00280002, 1), element(0x00280004, "CS", b"MONOCHROME2"), number(0x00280010, size)]
    head += [number(0x00280011, size), number(0x00280100, 8), number(0x00280101, 8), number(0x00280102, 7)]
    head += [number(0x00280103, 0), element(0x7FE00010, "OW", pixels.tobytes())]
    group = element(0x00020000, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + group + meta + b"".join(head)


def find(network: bool = True) -> tuple[bytes, str]:
    """The file's bytes, and where they are from."""
    kit = os.environ.get("DICOMDECODE_CONFORMANCE")
    if kit and (Path(kit) / IN_KIT).exists():
        contents = (Path(kit) / IN_KIT).read_bytes()
        if is_it(contents):
            return contents, "the tutorial's own file, from the kit"
    if network:
        try:
            with urllib.request.urlopen(ADDRESS, timeout=20) as answer:
                contents = answer.read(SIZE + 1)
            if is_it(contents):
                return contents, "the tutorial's own file, fetched"
        except (OSError, urllib.error.URLError):
            pass
    return made_up(), "made up: the tutorial's own file could not be fetched"


if __name__ == "__main__":
    found, origin = find()
    Path(sys.argv[1] if len(sys.argv) > 1 else "chest.dcm").write_bytes(found)
    print(origin)
