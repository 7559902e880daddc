"""No message says anything about the patient, wherever in a file a name was put."""

from __future__ import annotations

import io
import logging
import struct
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode import cli
from tests import synthesise as s

NAME = "Zq8KjV7w"
PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)
COLOUR = np.zeros((8, 8, 3), np.uint8)
#: Attributes of a picture whose value is text, or may be written as text.
TEXTS = [0x00080005, 0x00080060, 0x00280004, 0x00280008, 0x00280030, 0x00281050, 0x00281051, 0x00281052, 0x00281053]
TEXTS += [0x00281055, 0x00281056, 0x20500020, 0x3004000E, 0x00281054, 0x00280010, 0x00280100, 0x00280101, 0x00280103]


def spelt() -> Iterator[tuple[str, bytes]]:
    """Files with the name where a text, a number, a tag, a VR or a length is expected."""
    for tag in TEXTS:
        for vr in ("CS", "LO", "UT", "US"):
            yield f"{tag:08x} {vr}", s.image(PIXELS, extra=[(tag, vr, NAME.encode())])
        yield f"{tag:08x} colour", s.image(COLOUR, photometric="RGB", extra=[(tag, "CS", NAME)])
    for photometric in (NAME, f"YBR_{NAME}", f"{NAME}_422"):
        yield photometric, s.image(COLOUR, extra=[(0x00280002, "US", 3), (0x00280004, "CS", photometric)])
    whole = s.image(PIXELS, syntax=f"1.2.{NAME}")
    yield "syntax", whole
    yield "encapsulated", s.image(PIXELS, syntax=s.RLE).replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.1Zq8KjV7w5\0\0")
    at = whole.index(s.tag_bytes(0x00280010))
    for cut in (0, 4, 6, 8):  # a misplaced header: tag, VR and length are of the name
        yield f"header {cut}", whole[:at] + (2 * NAME).encode()[cut:] + whole[at:]
        yield f"last header {cut}", whole[:at] + NAME.encode()[: 12 - cut]
    for tag, vr in ((0x00080081, "ST"), (0x00080080, "LO"), (0x00280004, "CS")):  # four letters become a length
        element = s.element(tag, vr, NAME * 2)
        yield f"length {tag:08x}", s.image(PIXELS, extra=[element.replace(vr.encode(), b"OB", 1)])
    item = s.header(0x00081140, "SQ", s.UNDEFINED, s.LITTLE) + NAME.encode() + bytes(8)
    yield "item", s.dataset([item])
    yield (
        "units",
        s.image(
            PIXELS,
            extra=[(0x00409096, "SQ", [[(0x00409211, "US", 9), (0x00409216, "US", 0), (0x00409210, "SH", NAME)]])],
        ),
    )
    overlay = [(0x60000010, "US", 8), (0x60000011, "US", 8), (0x60001500, "LO", NAME), (0x60003000, "OW", b"\0\0")]
    yield "overlay", s.image(PIXELS, extra=overlay)
    everywhere = [
        (0x00081150, "UI", NAME),
        (0x00100010, "PN", NAME),
        (0x00100020, "LO", NAME),
        (0x00100040, "CS", NAME),
    ]
    everywhere += [
        (0x00081010, "SH", NAME),
        (0x00104000, "LT", NAME),
        (0x00080080, "ST", NAME),
        (0x00080054, "AE", NAME),
    ]
    everywhere += [
        (0x00100030, "DA", NAME),
        (0x00080030, "TM", NAME),
        (0x00101010, "AS", NAME[:4]),
        (0x00280009, "AT", NAME.encode()),
    ]
    everywhere += [
        (0x00200013, "IS", NAME),
        (0x00200032, "DS", NAME.encode()),
        (0x00189004, "UC", NAME),
        (0x00081190, "UR", NAME),
    ]
    everywhere += [(0x00280006, "US", NAME.encode()), (0x00020010, "UI", NAME), (0x00291010, "UN", NAME.encode())]
    for element in everywhere:
        yield f"text {element[0]:08x}", s.image(PIXELS, extra=[element])
    whole = s.image(PIXELS, extra=everywhere)
    yield "everywhere, cut", whole[:-100]
    yield "everywhere, unknown character set", s.image(PIXELS, extra=[*everywhere, (0x00080005, "CS", NAME)])
    lut = [(0x00283002, "US", NAME.encode()[:6]), (0x00283006, "OW", b"\0\0"), (0x00283003, "LO", NAME)]
    yield "LUT", s.image(PIXELS, extra=[(0x00283010, "SQ", [lut]), (0x00283000, "SQ", [lut])])
    yield (
        "palette",
        s.image(
            PIXELS,
            photometric="PALETTE COLOR",
            extra=[(tag, "US", NAME.encode()[:6]) for tag in range(0x281101, 0x281104)],
        ),
    )


def secrets() -> list[str]:
    """The name, and each four letters of it in the forms that a number or a tag has."""
    found = [NAME]
    for i in range(len(NAME) - 3):
        piece = NAME[i : i + 4].encode()
        found += [piece.decode(), piece.hex(), "{:04x},{:04x}".format(*struct.unpack("<HH", piece))]
        found += ["{:04x},{:04x}".format(*struct.unpack(">HH", piece)), str(int.from_bytes(piece, "little"))]
        found.append(str(int.from_bytes(piece, "big")))
    return [text.lower() for text in found]


@pytest.fixture
def heard() -> Iterator[io.StringIO]:
    """What any logger says at any level."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def converted(contents: bytes, folder: Path) -> str:
    """What the command line says of a file, and what stands in the manifest of a conversion."""
    path = folder / "a.dcm"
    path.write_bytes(contents)
    cli.main(["check", str(path)])
    dd.convert(path, folder / "converted", format="npz", tags=["Rows"])
    return (folder / "converted" / "manifest.jsonl").read_text()


@pytest.mark.parametrize("name, contents", list(spelt()), ids=[name for name, _ in spelt()])
@pytest.mark.slow
def test_messages(
    name: str,
    contents: bytes,
    heard: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    said = []
    folder = tmp_path_factory.mktemp("files")  # `tmp_path` is named by the test, and that by the name

    def attempt(call: object, **keywords: object) -> None:
        try:
            call(contents, **keywords)  # type: ignore[operator]
        except dd.DicomError as error:
            said.extend([str(error), repr(error), repr(error.__dict__), error.hint])
            said.append("".join(traceback.format_exception(error)).replace(repr(contents), ""))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for values in ("stored", "modality", "display", "voi", "real_world"):
            for color in ("rgb", "stored", "palette"):
                attempt(dd.imread, values=values, color=color)
        for values in ("stored", "tfio"):
            for on_error in ("strict", "skip", "lossy"):
                attempt(dd.decode_dicom_image, values=values, on_error=on_error)
        attempt(dd.open)
        attempt(lambda contents: [said.append(f"{i} {i.code} {i.tag}") for i in dd.open(contents).issues])
        attempt(lambda contents: said.append(repr(dd.open(contents))))
        attempt(lambda contents: dd.open(contents).dataset)
        attempt(lambda contents: dd.read_series([contents], split="all"))
        attempt(lambda contents: dd.read_tags([contents], ["PatientName", "Rows"], on_error="raise"))
        attempt(lambda contents: list(dd.decode_batch([contents, contents], on_error="raise")))
        attempt(lambda contents: said.append(converted(contents, folder)))
        attempt(lambda contents: [overlay.array for overlay in dd.open(contents).overlays])
    said += [str(warning.message) for warning in caught]
    said += [heard.getvalue(), *capfd.readouterr()]
    everything = "\n".join(said).lower()
    assert len(everything) > 50
    for secret in secrets():
        assert secret not in everything
