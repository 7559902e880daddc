"""A plugin for pydicom 3: after `register()`, `Dataset.pixel_array` decodes with this package in all code.

Only compressed frames go through it. What pydicom does around them (colour, unused bits, shapes) stays as it is, so
arrays are those that its other plugins give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode import frame as codestreams
from dicomdecode.codecs._heads import colour_of, precision_of
from dicomdecode.limits import check_limit, limits_of
from dicomdecode.reading import PHOTOMETRIC_TERMS
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
    """Whether frames of a transfer syntax are decoded here; pydicom asks for each.

    Parameters
    ----------
    uid : str
        Transfer Syntax UID.

    Returns
    -------
    bool

    Examples
    --------
    >>> from dicomdecode import pydicom_plugin
    >>> pydicom_plugin.is_available("1.2.840.10008.1.2.5"), pydicom_plugin.is_available("1.2.3")
    (True, False)
    """
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
        Little-endian cells as the codestream holds them: neither YBR converted to RGB nor a sign extended that the
        codestream does not know. The samples of a pixel lie side by side; those of RLE plane by plane. Where a JPEG
        stream says another colour than Photometric Interpretation, pydicom gets the one of the stream.

    Raises
    ------
    DicomError
        The frame cannot be decoded; pydicom tries its other plugins then.

    Examples
    --------
    >>> import pydicom
    >>> from pydicom.data import get_testdata_file
    >>> from pydicom.pixels.decoders.base import DecodeRunner
    >>> from dicomdecode import pydicom_plugin
    >>> from pydicom.encaps import get_frame
    >>> ds = pydicom.dcmread(get_testdata_file("MR_small_RLE.dcm"))
    >>> runner = DecodeRunner(ds.file_meta.TransferSyntaxUID)
    >>> runner.set_source(ds)
    >>> len(pydicom_plugin.decode_frame(get_frame(ds.PixelData, 0), runner))
    8192
    """
    syntax = SYNTAXES[runner.transfer_syntax]
    row = codecs.CODECS[syntax.codec]
    allocated = _bits_allocated(src, runner, row.cells, syntax.codec)
    for option, order in _ORDERS.items():
        if row.cells and runner.get_option(option, order) != order:
            raise NotImplementedError(f"no decoder for RLE with the option {option}")
    rows, columns, samples = runner.rows, runner.columns, runner.samples_per_pixel
    if _has_other_bits(src, runner, row.cells):
        stored, signed = runner.bits_stored, runner.pixel_representation == 1
    else:  # as it is in the stream; only JPEG 2000 knows a sign
        stored, signed = allocated, bool(runner.get_option("j2k_is_signed", False))
    size, limits = rows * columns * samples * allocated // 8, limits_of(None)
    check_limit("Rows times Columns exceed", "limit_pixels_per_frame", limits.pixels_per_frame, rows * columns)
    check_limit("The frame exceeds", "limit_output_bytes", limits.output_bytes, size)
    frame = bytearray(size)
    cells = np.frombuffer(frame, f"<{'i' if signed else 'u'}{allocated // 8}")
    is_planar = row.cells and not row.planar and samples > 1
    pixels = np.empty((rows, columns, samples), cells.dtype) if is_planar else cells.reshape(rows, columns, -1)
    photometric = str(runner.photometric_interpretation)
    codestreams.decode_frame(
        src,
        transfer_syntax=syntax.uid,
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        signed=signed,
        photometric=photometric if photometric in PHOTOMETRIC_TERMS else None,
        color="stored",
        out=pixels if samples > 1 else pixels[..., 0],
    )
    if is_planar:  # segments of RLE are planes (PS3.5 G.2), and so are frames of pydicom's other plugins
        cells.reshape(samples, rows, columns)[:] = np.moveaxis(pixels, -1, 0)
    if not row.cells and samples == 3:
        _tell_colour(src, runner)
    runner.set_option("bits_allocated", allocated)
    if samples > 1 and not row.planar:
        runner.set_option("planar_configuration", int(is_planar))
    return frame


def _bits_allocated(src: bytes, runner: DecodeRunner, is_cells: bool, codec: str) -> int:
    """Of the frame that is returned, as in pydicom's other plugins.

    Those of the data set; but 8 for a codestream of single bits, and for JPEG 2000 and JPEG-LS what the precision of
    the stream needs.
    """
    allocated: int = runner.bits_allocated
    if codec in ("jpegls", "jpeg2000", "htj2k"):
        precision = precision_of(src) or allocated
        allocated = min(allocated, next((bits for bits in (8, 16, 32) if precision <= bits), allocated))
    if allocated == 1 and not is_cells:
        allocated = 8
    if allocated not in (8, 16, 32):
        raise NotImplementedError(f"no decoder for frames of {allocated} bits allocated")
    return allocated


def _has_other_bits(src: bytes, runner: DecodeRunner, is_cells: bool) -> bool:
    """Whether the samples of a stream have bits above Bits Stored: an overlay's, or a sign that was not extended.

    pydicom itself masks them for the codecs whose precision it does not read.
    """
    wanted = runner.get_option("correct_unused_bits", True) and not is_cells
    return bool(wanted and runner.bits_allocated > 8 and precision_of(src) > max(8, runner.bits_stored))


def _tell_colour(src: bytes, runner: DecodeRunner) -> None:
    """Tell pydicom what the samples are: what the stream says, and RGB once RCT or ICT are undone."""
    from pydicom.pixels.common import PhotometricInterpretation

    photometric = str(runner.photometric_interpretation)
    found = colour_of(src, photometric)
    if found in ("RGB", "YBR_RCT", "YBR_ICT"):
        runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    elif found == "YBR_FULL" and not photometric.startswith("YBR"):
        runner.set_option("photometric_interpretation", PhotometricInterpretation.YBR_FULL)


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
    """Undo `register`.

    Examples
    --------
    >>> from dicomdecode import pydicom_plugin
    >>> pydicom_plugin.register()
    >>> pydicom_plugin.unregister()
    """
    for decoder in _decoders():
        if LABEL in decoder.available_plugins:
            decoder.remove_plugin(LABEL)
