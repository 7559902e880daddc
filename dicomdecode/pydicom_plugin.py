"""A plugin of pydicom 3: after `register()`, `Dataset.pixel_array` of anyone's code decodes with this package.

Only compressed frames go through it. What pydicom does around them (colour, unused bits, shapes) stays as it is, so
arrays are those that its other plugins give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode.codecs._heads import colour_of
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.syntaxes import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.pixels.decoders.base import Decoder, DecodeRunner

__all__ = ["DECODER_DEPENDENCIES", "LABEL", "decode_frame", "is_available", "register", "unregister"]

#: What pydicom calls this plugin, as in ``dataset.pixel_array_options(decoding_plugin="dicomdecode")``.
LABEL = "dicomdecode"
#: Transfer Syntax UID -> what must be installed; pydicom reads it.
DECODER_DEPENDENCIES = {
    uid: ("dicomdecode",)
    for uid, row in SYNTAXES.items()
    if row.codec in codecs.CODECS and not codecs.CODECS[row.codec].stream
}
#: Options of pydicom's other plugins for RLE -> their defaults. Another value asks for segments or cells in an order
#: that the standard does not have.
_ORDERS = {"rle_segment_order": ">", "byteorder": "<"}


def is_available(uid: str) -> bool:
    """Whether frames of a transfer syntax are decoded here; pydicom asks for each."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(src: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame for pydicom.

    Parameters
    ----------
    src : bytes
        The codestream.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        What pydicom knows of the image; its options are set to what the decoded frame is.

    Returns
    -------
    bytearray
        Little-endian cells of Bits Allocated bits, the samples of a pixel side by side, as the codestream holds them:
        neither YBR converted to RGB nor a sign extended that the codestream does not know. Where a JPEG stream says
        another colour than Photometric Interpretation, pydicom is told that of the stream.

    Raises
    ------
    DicomError
        The frame cannot be decoded; pydicom tries its other plugins then.
    """
    from pydicom.pixels.common import PhotometricInterpretation

    syntax = SYNTAXES[runner.transfer_syntax]
    row = codecs.CODECS[syntax.codec]
    # A codestream of single bits is decoded to bytes, as other plugins do; cells of RLE are as they are.
    allocated = 8 if runner.bits_allocated == 1 and not row.cells else runner.bits_allocated
    if allocated not in (8, 16, 32):
        raise NotImplementedError(f"no decoder for frames of {allocated} bits allocated")
    for option, order in _ORDERS.items():
        if row.cells and runner.get_option(option, order) != order:
            raise NotImplementedError(f"no decoder for RLE with the option {option}")
    photometric = str(runner.photometric_interpretation)
    tells_colour = syntax.codec in ("jpeg", "jpegls") and runner.samples_per_pixel == 3
    # Only JPEG 2000 streams know a sign.
    signed = bool(runner.get_option("j2k_is_signed", False))
    spec = FrameSpec(
        rows=runner.rows,
        columns=runner.columns,
        samples=runner.samples_per_pixel,
        bits_allocated=allocated,
        bits_stored=allocated if row.cells else runner.bits_stored,
        signed=signed,
        photometric=colour_of(src, photometric) if tells_colour else photometric,
        to_rgb=False,
        syntax=syntax.uid,
    )
    size = allocated // 8
    frame = bytearray(runner.rows * runner.columns * runner.samples_per_pixel * size)
    decode = codecs.load(syntax.codec)
    if row.cells:
        decode(src, spec, np.frombuffer(frame, np.uint8))
    else:
        cells = np.frombuffer(frame, f"<{'i' if signed else 'u'}{size}")
        color = decode(src, spec, cells.reshape(runner.rows, runner.columns, runner.samples_per_pixel))
        if color == "RGB" and runner.samples_per_pixel == 3:  # by the stream, or the codec has undone RCT or ICT
            runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
        elif tells_colour and color == "YBR_FULL" and not photometric.startswith("YBR"):
            runner.set_option("photometric_interpretation", PhotometricInterpretation.YBR_FULL)
    runner.set_option("bits_allocated", allocated)
    if runner.samples_per_pixel > 1 and not row.planar:
        runner.set_option("planar_configuration", 0)
    return frame


def _decoders() -> Iterator[Decoder]:
    """Those of pydicom whose frames are decoded here."""
    from pydicom.pixels.decoders.base import get_decoder

    for uid in DECODER_DEPENDENCIES:
        try:
            yield get_decoder(uid)
        except NotImplementedError:  # pydicom does not know the syntax
            continue


def register() -> None:
    """Make pydicom decode compressed pixel data with this package, before its other plugins.

    Calling it again changes nothing. Like pydicom's own `Decoder.add_plugin` it is not for several threads at once.

    Examples
    --------
    >>> import pydicom
    >>> from pydicom.data import get_testdata_file
    >>> from dicomdecode import pydicom_plugin
    >>> pydicom_plugin.register()
    >>> pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm")).pixel_array.shape
    (64, 64)
    >>> pydicom_plugin.unregister()
    """
    for decoder in _decoders():
        if LABEL in decoder.available_plugins:
            continue
        decoder.add_plugin(LABEL, (__name__, decode_frame.__name__))
        # Plugins are tried in their order, and pydicom has no call to put one in front.
        available: dict[str, Any] = decoder._available
        decoder._available = {LABEL: available.pop(LABEL), **available}


def unregister() -> None:
    """Undo `register`."""
    for decoder in _decoders():
        if LABEL in decoder.available_plugins:
            decoder.remove_plugin(LABEL)
