"""What is wrong with a file that decodes all the same: what was tolerated, corrected or ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs._heads import colour_of
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.error_codes import ERROR_CODES, ISSUE_CODES
from dicomdecode.errors import DicomError
from dicomdecode.pixels import PixelData, Request
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.luts import MOST_ITEMS, first_voi, lut_items, read_lut
from dicomdecode.pixels.overlays import embedded_bits, read_overlays, stored_cells
from dicomdecode.pixels.palette import read_palette
from dicomdecode.reading.charset import is_known, terms_of
from dicomdecode.reading.spacing import wrong_spacing
from dicomdecode.syntaxes import SYNTAXES, name_of
from dicomdecode.tags import is_defined

if TYPE_CHECKING:
    from dicomdecode.reading import DicomFile

__all__ = ["Issue", "find_issues"]

#: The largest codestream that is examined, in bytes.
_LOOK = 1 << 24


class Issue(str):
    """A text for people, with a code for programs.

    Attributes
    ----------
    code : str
        A stable word; the table is in docs/errors_and_limits.md.
    tag : int or None
        The data element concerned.

    Raises
    ------
    ValueError
        `code` is in neither table.
    """

    code: str
    tag: int | None

    def __new__(cls, text: str, code: str, tag: int | None = None) -> Issue:
        if code not in ISSUE_CODES and code not in ERROR_CODES:
            raise ValueError(f"{code!r} is not a code: dicomdecode.error_codes has the tables")
        self = super().__new__(cls, text)
        self.code, self.tag = code, tag
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (str(self), self.code, self.tag)


def _rebuild(text: str, code: str, tag: int | None) -> Issue:
    """An unpickled issue. It may come from a release with other codes, so its code is not looked up."""
    issue = str.__new__(Issue, text)
    issue.code, issue.tag = code, tag
    return issue


def find_issues(pixels: PixelData, unwritten: Iterable[int] = ()) -> tuple[Issue, ...]:
    """Examine a file. Of its pixels at most frame 0 is read, and no compressed frame is decoded.

    `unwritten` are the tags of what a pydicom data set had and the file made of it has not.
    """
    file = pixels.file
    left_out = "pydicom cannot write an element: it is left out"
    found = [Issue(left_out, "not_written", _told(tag)) for tag in unwritten]
    checks: list[Callable[[], Iterator[Issue]]] = [
        lambda: _encoding(file),
        lambda: _numbers(file),
        lambda: _values(file),
        lambda: _palette(pixels),
        lambda: _overlays(pixels),
    ]
    try:
        frames = Frames(pixels, Request(values="stored", color="stored"))
    except DicomError:
        pass  # no pixels can be decoded: asking for them says why
    else:
        checks.append(lambda: _attributes(file))
        if frames.is_native:
            checks += [lambda: _native(file, frames), lambda: _stray_bits(pixels)]
        else:
            checks += [lambda: _encapsulated(file, frames), lambda: _codestream(file, frames)]
    for check in checks:
        try:
            found.extend(check())
        except DicomError as error:  # an error in a check is an issue by itself
            if all(error.code != issue.code for issue in found):
                found.append(Issue(error.message, error.code, error.tag))
    return tuple(found)


def _encoding(file: DicomFile) -> Iterator[Issue]:
    if file.guessed:
        yield Issue(
            "the file names no transfer syntax; it was guessed from the first element", code="no_transfer_syntax"
        )
    if file.contradicts:
        yield Issue("the data set is not encoded as its transfer syntax says", code="encoding", tag=0x00020010)
    if file.pixels_cut:
        yield Issue("the file ends inside the pixel data", code="pixels_cut", tag=file.pixels_tag)
    if file.transfer_syntax not in SYNTAXES:
        text = "the transfer syntax is unknown: native pixel data are read as in Explicit VR Little Endian"
        yield Issue(text, code="transfer_syntax", tag=0x00020010)
    if file.first_undelimited:
        text = "the file ends inside a sequence of undefined length: what follows its beginning is lost"
        yield Issue(text, code="sequence_cut", tag=_told(file.first_undelimited))
    if file.first_odd:
        yield Issue("an element has an odd length", code="odd_length", tag=_told(file.first_odd))
    if file.skipped:
        text = f"{file.skipped} bytes in front of the data set belong to no element of it: they are passed over"
        yield Issue(text, code="foreign_bytes")
    syntax = file.raw(0x00020010) or b""
    if syntax.strip(b" \0") != syntax.strip(b" \0\t\n\v\f\r"):
        yield Issue("white space around the transfer syntax: it is ignored", "uid_padding", 0x00020010)
    if file.first_odd_vr:
        text = "the VR of an element does not exist: the bytes behind it tell the length"
        yield Issue(text, code="vr", tag=_told(file.first_odd_vr))
    if file.pixel_data_elements > 1:
        yield Issue(
            "there are two Pixel Data elements: the first one is used", code="element_twice", tag=file.pixels_tag
        )
    elif file.first_repeated:
        text = "an element occurs twice: the first one that is not empty is used"
        yield Issue(text, code="element_twice", tag=_told(file.first_repeated))
    if not all(map(is_known, set(terms_of(file.raw(0x00080005) or b"")))):
        yield Issue("a character set is unknown: its text is read as ISO_IR 100", "character_set", 0x00080005)


def _told(tag: int) -> int | None:
    """`tag` if it is a defined one. Read at a wrong place, four bytes of a patient's name may pass for a tag."""
    return tag if is_defined(tag) else None


#: Attributes of an image that are DS or IS; another VR or form is read all the same.
_NUMBERS = (0x00280008, 0x00280030, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00181164, 0x3004000E)
_NOT_IN_NUMBERS = re.compile(rb"[\t\n\v\f\r,]|\0+[^\0 ]")


def _numbers(file: DicomFile) -> Iterator[Issue]:
    for tag in _NUMBERS:
        vr, value = file.vr(tag), file.raw(tag) or b""
        if vr in ("FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"):
            yield Issue(f"a number is stored as {vr}: it is read as it is", code="number_form", tag=tag)
        elif _NOT_IN_NUMBERS.search(value):
            text = "the text of a number has white space, a comma or NUL in it: it is read all the same"
            yield Issue(text, code="number_form", tag=tag)


def _values(file: DicomFile) -> Iterator[Issue]:
    """Of the stages after stored values."""
    for error in first_voi(file, file.signed)[1]:
        text = f"{error.message}: it is not used"
        if error.code in ("window", "decimal_string"):
            yield Issue(text, code="window_width", tag=error.tag)
        else:
            yield Issue(text, code=error.code, tag=error.tag)
    wrong = wrong_spacing(file)
    if wrong is not None:
        yield Issue("a spacing is not two positive numbers: it is not used", code="spacing", tag=wrong)
    _ = file.rescale
    luts = ((0x00283000, "Modality LUT"), (0x00283010, "VOI LUT"), (0x20500010, "Presentation LUT"))
    for sequence, name in luts:
        items = lut_items(file, sequence)
        if len(items) < min(len(file.items(sequence)), MOST_ITEMS):
            yield Issue(f"an item of the {name} sequence has no table: it is not used", "lut_empty", sequence)
        for item in items:
            lut = read_lut(item, file.signed)
            if lut.declared != lut.bits:
                yield Issue(f"a {name} declares {lut.declared} bits and has {lut.bits}", "lut_depth", 0x00283002)


def _palette(pixels: PixelData) -> Iterator[Issue]:
    file = pixels.file
    if file.samples == 1 and file.photometric == "PALETTE COLOR":
        palette = read_palette(pixels)
        if palette.bits != palette.declared:
            text = f"the palette declares {palette.declared} bits and uses {palette.bits}"
            yield Issue(text, code="palette_depth", tag=0x00281101)
        if palette.is_short:
            yield Issue(
                "a table of the palette has fewer entries than its descriptor says", "palette_short", 0x00281201
            )
        if palette.differs:
            yield Issue("the descriptors of the palette differ", code="palette_channels", tag=0x00281101)


def _overlays(pixels: PixelData) -> Iterator[Issue]:
    for overlay in read_overlays(pixels):
        try:
            overlay.check()
        except DicomError as error:
            yield Issue(error.message, error.code, error.tag)


#: Attributes of type 1 that have a usual meaning when they are missing (PS3.3 C.7.6.3).
_REQUIRED = (
    (0x00280002, "Samples per Pixel"),
    (0x00280004, "Photometric Interpretation"),
    (0x00280101, "Bits Stored"),
    (0x00280102, "High Bit"),
    (0x00280103, "Pixel Representation"),
)


def _attributes(file: DicomFile) -> Iterator[Issue]:
    """Of the Image Pixel module."""
    integer = file.pixel_kind == "integer"
    for tag, name in _REQUIRED if integer else _REQUIRED[:2]:
        if not file.raw(tag):
            yield Issue(f"{name} is missing", code="attribute_missing", tag=tag)
    allocated = file.tag(0x00280100)
    is_number = isinstance(allocated, int)
    if integer and (allocated != file.bits_allocated if is_number else not file.raw(0x00280100)):
        told = f"is {allocated}" if is_number else "is missing"
        text = f"Bits Allocated {told}: by the length of the pixel data it is {file.bits_allocated}"
        yield Issue(text, code="bits_allocated", tag=0x00280100)
    if integer and file.raw(0x00280101) and not file.tag(0x00280101):
        yield Issue(f"Bits Stored is 0: it is read as {file.bits_stored}", code="bits_stored", tag=0x00280101)
    samples = file.tag(0x00280002)
    if file.is_renamed:
        text = f"Photometric Interpretation contradicts {file.samples} Samples per Pixel: it is read as "
        text += file.photometric_term
        yield Issue(text, code="samples_per_pixel", tag=0x00280004)
    elif isinstance(samples, int) and samples > 0 and samples != file.samples:
        text = f"Samples per Pixel is {samples}, and the pixel data have {file.samples}"
        yield Issue(text, code="samples_per_pixel", tag=0x00280002)
    high = file.tag(0x00280102)
    if integer and isinstance(high, int) and high != file.bits_stored - 1:
        used = "" if high == file.high_bit else f"; it is read as {file.high_bit}"
        yield Issue(f"High Bit is {high} with {file.bits_stored} Bits Stored{used}", code="high_bit", tag=0x00280102)
    frames = file.tag(0x00280008)
    if file.raw(0x00280008) and frames != file.frames:
        yield Issue("Number of Frames is not a positive number: it is read as 1", "number_of_frames", 0x00280008)
    if file.vr(0x52009230):
        groups = len(file.items(0x52009230))
        if groups != file.frames:
            yield Issue(
                f"there are functional groups for {groups} of {file.frames} frames", "functional_groups", 0x52009230
            )


def _native(file: DicomFile, frames: Frames) -> Iterator[Issue]:
    """Number of Frames, and the transfer syntax, against native pixel data."""
    named = SYNTAXES.get(file.transfer_syntax)
    if named is not None and named.codec != "native":
        text = (
            f"the transfer syntax is {named.name}, and the pixel data are not encapsulated: they are read as they are"
        )
        yield Issue(text, code="not_encapsulated", tag=0x00020010)
    needed = (file.frames * frames.frame_bits + 7) // 8
    length, tag = file.pixels_length, file.pixels_tag
    if length > file.pixels_length_told:
        text = "the pixel data have a length of fewer bytes than the image has: they go on to the end of the file"
        yield Issue(text, code="pixels_length", tag=tag)
    if length < needed:
        whole = length * 8 // frames.frame_bits
        yield Issue(f"the pixel data hold {whole} of {file.frames} frames", code="frames_missing", tag=tag)
    elif length > needed + needed % 2:
        yield Issue(f"{length - needed} bytes of pixel data follow the last frame", code="trailing_bytes", tag=tag)
    if file.samples == 3 and file.photometric.endswith("_422") and not frames.is_422:
        yield Issue(f"{file.photometric_term} with every sample stored: read as 4:4:4", code="full_422", tag=0x00280004)
    elif frames.is_422 and file.columns % 2:
        yield Issue(f"{file.photometric_term} with an odd number of columns", code="odd_422", tag=0x00280011)


def _encapsulated(file: DicomFile, frames: Frames) -> Iterator[Issue]:
    """Number of Frames against offset tables and fragments."""
    if file.delimits_items:
        text = "an Item Delimitation follows a fragment: it is stepped over"
        yield Issue(text, code="item_delimitation", tag=file.pixels_tag)
    if frames.is_stream:
        return
    named, tag = file.frames, file.pixels_tag
    tables = [n for n in (frames.basic_entries, frames.extended_entries) if n]
    if any(n != named for n in tables):
        text = f"an offset table of {max(tables)} entries for {named} frames"
        yield Issue(text, code="offset_table", tag=tag)
    elif tables and not frames.has_table:
        yield Issue("an offset table does not fit the fragments: it is not used", "offset_table", tag)
    elif not tables and named > 1:
        yield Issue("there is no offset table: frames are found by their fragments", "offset_table", tag)
    count = named if frames.has_table else frames.count_frames()
    if count < named:
        yield Issue(f"the pixel data hold {count} of {named} frames", code="frames_missing", tag=tag)
    elif count > named:
        yield Issue(f"the pixel data hold more than {named} frames", code="frames_extra", tag=tag)


def _codestream(file: DicomFile, frames: Frames) -> Iterator[Issue]:
    """The header of the first codestream against that of the file."""
    if frames.syntax.uid != file.transfer_syntax and file.transfer_syntax in SYNTAXES:
        text = f"the transfer syntax is {name_of(file.transfer_syntax)}, and the codestream is decoded as"
        yield Issue(f"{text} {frames.syntax.name}", code="stream_codec", tag=0x00020010)
    if frames.is_stream:
        return
    strays = frames.stray_bytes(0)
    if strays:
        text = f"{strays} bytes in front of the codestream belong to none of it: they are passed over"
        yield Issue(text, code="stream_begin", tag=file.pixels_tag)
    look = {"jpeg": _jpeg, "jpegls": _jpeg, "jpeg2000": _jpeg2000, "htj2k": _jpeg2000}.get(frames.syntax.codec)
    if look is None:
        return
    data = memoryview(frames.codestream_bytes(0)).cast("B")
    if len(data) <= _LOOK:
        yield from look(file, data)


def _of_stream(file: DicomFile, rows: int, columns: int, samples: int, precision: int) -> Iterator[Issue]:
    if rows != file.rows:
        yield Issue(f"Rows: {file.rows} in the header, {rows} in the codestream", "stream_rows", 0x00280010)
    if columns != file.columns:
        yield Issue(f"Columns: {file.columns} in the header, {columns} in the codestream", "stream_columns", 0x00280011)
    if samples != file.samples:
        text = f"Samples per Pixel: {file.samples} in the header, {samples} in the codestream"
        yield Issue(text, "stream_components", 0x00280002)
    if precision != file.bits_stored:
        text = f"Bits Stored is {file.bits_stored}, and the codestream has {precision} bits"
        yield Issue(text, code="stream_precision", tag=0x00280101)


#: SOF markers that a transfer syntax allows (PS3.5 A.4.1, A.4.3).
_PROCESSES = {"50": {0xC0}, "51": {0xC0, 0xC1}, "57": {0xC3}, "70": {0xC3}, "80": {0xF7}, "81": {0xF7}}


def _jpeg(file: DicomFile, data: memoryview) -> Iterator[Issue]:
    from dicomdecode.codecs.markers import find_end, read_header

    spec = FrameSpec(
        rows=file.rows,
        columns=file.columns,
        samples=file.samples,
        bits_allocated=file.bits_allocated,
        bits_stored=file.bits_stored,
        signed=file.signed,
        photometric=file.photometric,
        syntax=file.transfer_syntax,
    )
    header = read_header(data, spec)
    yield from _of_stream(file, header.rows, header.columns, header.components, header.precision)
    allowed = _PROCESSES.get(file.transfer_syntax.rpartition(".")[2])
    if allowed is not None and header.process not in allowed:
        text = "the codestream and the transfer syntax disagree on the JPEG process"
        yield Issue(text, code="stream_process", tag=0x00020010)
    # T.81 B.2.3: a sequential DCT scan has all 64 coefficients; libraries take it for such whatever it says.
    end = header.entropy - 3
    if header.process in (0xC0, 0xC1) and (data[end], data[end + 1]) != (0, 63):
        yield Issue("the scan header names other coefficients than 0 to 63: it is read as 0 to 63", code="stream_scan")
    if header.components == file.samples == 3 and file.photometric:
        colour = colour_of(data, file.named_colour)
        if colour.startswith("YBR") != file.photometric.startswith("YBR"):
            text = f"Photometric Interpretation is {file.photometric_term}, and the stream is {colour}"
            yield Issue(f"{text}: it is read so", code="photometric", tag=0x00280004)
    if find_end(data, header) < 0:
        yield Issue("the codestream has no end marker", code="stream_end", tag=file.pixels_tag)


def _jpeg2000(file: DicomFile, data: memoryview) -> Iterator[Issue]:
    from dicomdecode.codecs import _j2k

    found = _j2k.describe(data)
    yield from _of_stream(file, found["rows"], found["columns"], found["components"], found["precision"])
    if bool(found["signed"]) != file.signed:
        yield Issue("the codestream and Pixel Representation differ in sign", code="stream_sign", tag=0x00280103)
    if file.samples == 3:
        transformed = bool(found["component_transform"])
        if transformed != (file.photometric in ("YBR_RCT", "YBR_ICT")):
            what = "a" if transformed else "no"
            text = (
                f"Photometric Interpretation is {file.photometric_term}, and the codestream has {what} colour transform"
            )
            yield Issue(text, code="photometric", tag=0x00280004)
    if not bytes(data[-64:]).rstrip(b"\0").endswith(b"\xff\xd9"):
        yield Issue("the codestream has no end marker, or bytes after it", code="stream_end", tag=file.pixels_tag)


def _stray_bits(pixels: PixelData) -> Iterator[Issue]:
    """Bits of frame 0 outside the stored ones, but for embedded overlays and for the sign."""
    file = pixels.file
    allocated = file.bits_allocated
    unused = embedded_bits(file)
    if not unused or file.pixel_kind != "integer" or allocated not in (8, 16, 32, 64):
        return
    if file.rows * file.columns * file.samples * allocated // 8 > _LOOK:
        return
    cells: Any = stored_cells(pixels, 0)
    for overlay in read_overlays(pixels):
        if overlay.embedded and 0 <= overlay.bit_position < allocated:
            unused &= ~(1 << overlay.bit_position)
    stray = int(np.bitwise_or.reduce(cells, axis=None)) & unused
    if stray and file.signed:
        above = cells >> cells.dtype.type(file.high_bit)
        if bool(((above == 0) | (above == (1 << (allocated - file.high_bit)) - 1)).all()):
            stray &= (1 << file.high_bit) - 1  # the sign, extended
    if stray:
        names = ", ".join(str(bit) for bit in range(allocated) if stray >> bit & 1)
        yield Issue(f"bits outside Bits Stored are set: {names} of {allocated}", code="stray_bits", tag=0x00280102)
