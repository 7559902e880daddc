"""The one table of codes: of errors (`DicomError.code`), and of faults that do not prevent decoding (`Issue.code`).

Both types refuse a code that is not here. `python docs/tables.py` writes docs/errors_and_limits.md from here.
The meaning of a code never changes; new codes may be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["ERROR_CODES", "ISSUE_CODES", "SECTIONS", "ErrorCode"]


class ErrorCode(NamedTuple):
    """One row.

    Attributes
    ----------
    meaning : str
        One sentence: what is wrong.
    errors : tuple of str
        The classes that come with it, of `dicomdecode.errors`.
    """

    meaning: str
    errors: tuple[str, ...]


def _malformed(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("MalformedError",))


def _truncated(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("TruncatedError",))


def _unsupported(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("UnsupportedError",))


def _limit(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("LimitError",))


def _volume(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("VolumeError",))


def _export(meaning: str) -> ErrorCode:
    return ErrorCode(meaning, ("ExportError",))


_MALFORMED_OR_CUT = ("MalformedError", "TruncatedError")
_MALFORMED_OR_UNSUPPORTED = ("MalformedError", "UnsupportedError")

#: The rows as the page groups them.
SECTIONS: Mapping[str, Mapping[str, ErrorCode]] = {
    "The file and its data set": {
        "empty": _truncated("The input has no bytes."),
        "not_dicom": ErrorCode("The input is not a DICOM file.", _MALFORMED_OR_CUT),
        "element_cut": _truncated("The file ends inside a data element."),
        "sequence_cut": _truncated("The file ends inside a sequence of undefined length."),
        "item_expected": _malformed("There is something other than an item where an item must be."),
        "item_length": _malformed("An item is longer than its sequence."),
        "not_a_sequence": _malformed("A path goes through an element that is not a sequence."),
        "sequence_text": _malformed("Text was requested from a sequence."),
        "inflate": _malformed("The deflated data set or frame cannot be inflated."),
        "file_changed": _malformed("The file shrank while it was read."),
        "not_written": _malformed(
            "pydicom cannot write an element of the Dataset: an error if the pixels depend on it, else an issue."
        ),
        "not_for_pydicom": _malformed("`image.dataset` was requested, and pydicom cannot read the file."),
        "decimal_string": _malformed("Rescale Slope, Rescale Intercept or Dose Grid Scaling is not a finite number."),
    },
    "The image attributes": {
        "no_pixel_data": ErrorCode(
            "There is no pixel data element, or it is empty; or the pixels are elsewhere.", _MALFORMED_OR_UNSUPPORTED
        ),
        "attribute_missing": _malformed("Rows, Columns or Bits Allocated is missing or 0."),
        "bits_allocated": _malformed("Bits Allocated is impossible, or contradicts the kind of pixel data."),
        "bits_stored": _malformed("Bits Stored exceeds Bits Allocated."),
        "samples_per_pixel": _malformed(
            "Samples per Pixel is not 1, 3 or 4, or contradicts Photometric Interpretation."
        ),
        "transfer_syntax": _unsupported(
            "There is no decoder for the transfer syntax, or it is unknown and the pixel data are encapsulated."
        ),
        "photometric_interpretation": _unsupported("There is no conversion from this colour space to RGB."),
        "alpha": _unsupported('`color="rgba"` was requested for an image without a palette.'),
        "icc_missing": _unsupported('`color="srgb"` was requested for an image or a frame without an ICC profile.'),
        "icc_profile": _malformed("The ICC profile is damaged."),
        "icc_size": _limit("The ICC profile is larger than 16 MiB."),
        "icc_space": _unsupported("The ICC profile is not an RGB profile."),
        "icc_depth": _unsupported("An ICC profile cannot be applied to samples of more or fewer than 8 bits."),
        "lut_descriptor": _malformed("LUT Descriptor of a Modality, VOI or Presentation LUT is missing or short."),
        "lut_data": _malformed("LUT Data of a Modality, VOI or Presentation LUT are missing."),
        "lut_short": _malformed("A LUT has fewer entries than its descriptor says."),
        "palette_descriptor": _malformed("A palette descriptor is missing or short."),
        "palette_data": _malformed("Palette data are missing or empty."),
        "palette_segment": _malformed("Segmented palette data are damaged."),
        "palette_bits": _unsupported("Palette indices have more than 16 bits."),
        "window": _malformed("The requested stored window cannot be used."),
        "voi_lut_function": _malformed("VOI LUT Function is unknown."),
        "no_window": _unsupported("Float pixel data have no range to display by, and there is no window."),
        "window_index": _malformed("No window or VOI LUT has the index in `window=`."),
        "window_explanation": _malformed("No window or VOI LUT has the explanation in `window=`."),
        "real_world": ErrorCode(
            "There is no real world value mapping, or none that can be used.", _MALFORMED_OR_UNSUPPORTED
        ),
        "real_world_index": _malformed("No real world value mapping has the index or LUT Label in `window=`."),
        "overlay": ErrorCode("An overlay is damaged.", _MALFORMED_OR_CUT),
        "frame_place": _unsupported(
            "References to frames were requested, and the frames have no place of their own in the file."
        ),
        "reduce": _unsupported("The frame does not have the lower resolution that `reduce=` asks for."),
    },
    "Where the pixel data are": {
        "pixels_cut": _truncated("The pixel data are too short for a frame."),
        "encapsulated": _malformed("The pixel data are encapsulated, and the transfer syntax says they are not."),
        "not_encapsulated": _malformed("The pixel data are not encapsulated, and the transfer syntax says they are."),
        "fragment_cut": _truncated("The pixel data end inside or between fragments."),
        "frames_missing": _truncated("There are fewer frames than Number of Frames."),
        "frame_cut": _truncated("The data of a frame are too short for its size."),
    },
    "Limits": {
        "limit_pixels_per_frame": _limit("Rows times Columns exceed `Limits.pixels_per_frame`."),
        "limit_frames": _limit("Number of Frames exceeds `Limits.frames`."),
        "limit_output_bytes": _limit("The result, or an inflated data set, exceeds `Limits.output_bytes`."),
        "limit_header_bytes": _limit("The bytes that must be read besides pixel data exceed `Limits.header_bytes`."),
        "limit_elements": _limit("The number of data elements exceeds `Limits.elements`."),
        "limit_depth": _limit("The depth of sequences exceeds `Limits.depth`."),
        "limit_fragments": _limit("The number of fragments exceeds `Limits.fragments`."),
        "limit_inflate_ratio": _limit("An inflated data set exceeds `Limits.inflate_ratio`."),
        "limit_pixels_per_byte": _limit("A frame has more pixels than `Limits.pixels_per_byte` for each byte."),
        "limit_stream_bytes": _limit("A pipe, device, stream or archive member is longer than `Limits.stream_bytes`."),
    },
    "Codestreams": {
        "stream_start": _malformed("No codestream of the transfer syntax begins here."),
        "stream_cut": _truncated("The codestream ends too early."),
        "stream_damaged": _malformed("The codestream cannot be decoded."),
        "stream_rows": _malformed("The codestream and the header disagree on the number of rows."),
        "stream_columns": _malformed("The codestream and the header disagree on the number of columns."),
        "stream_components": _malformed("The number of components of the codestream is not Samples per Pixel."),
        "stream_precision": ErrorCode(
            "The samples of the codestream have more bits than Bits Allocated, or more than can be decoded.",
            _MALFORMED_OR_UNSUPPORTED,
        ),
        "stream_sample": _malformed("A sample lies outside the codestream's own precision."),
        "stream_process": ErrorCode(
            "The codestream is of a JPEG process, a part of JPEG 2000 or a video codec that is not decoded here.",
            _MALFORMED_OR_UNSUPPORTED,
        ),
        "stream_header": _malformed("The frame header (SOF), SIZ or COD is repeated, missing or contradicts itself."),
        "stream_marker": _malformed("There is something other than a marker where a marker must be."),
        "stream_segment": _malformed("A marker segment is too short."),
        "stream_scan": _malformed("A scan header contradicts itself or the frame header."),
        "stream_scans": _malformed("There are too many scans."),
        "stream_tables": _malformed("A Huffman table is damaged or missing."),
        "stream_preset": ErrorCode(
            "The coding parameters of a JPEG-LS scan (LSE) are impossible or not supported.",
            _MALFORMED_OR_UNSUPPORTED,
        ),
        "stream_mapping": _malformed("A JPEG-LS mapping table is damaged, missing or too short."),
        "stream_transform": _unsupported(
            "A JPEG-LS scan uses a colour transform that is not supported, or a point transform with a mapping table."
        ),
        "stream_restart": ErrorCode(
            "Restart markers are out of order, or their interval cannot be decoded.", _MALFORMED_OR_UNSUPPORTED
        ),
        "stream_dnl": ErrorCode(
            "The codestream gives its number of lines only after the scan (DNL), or nowhere.", _MALFORMED_OR_UNSUPPORTED
        ),
        "stream_subsampling": _unsupported("The components of the codestream are subsampled."),
        "stream_tile_part": _malformed("A tile-part of JPEG 2000 is damaged."),
        "stream_tiles": _limit("A JPEG 2000 codestream has too many tiles, of fewer than 64 pixels."),
        "stream_box": _malformed("A box around the codestream (JP2, JPEG XL) is shorter than its own header."),
        "stream_animation": _malformed("A JPEG XL codestream is an animation, or has a preview."),
        "stream_container": _unsupported("A video is in an unknown container."),
        "rle_segments": _malformed("The number of RLE segments does not fit Samples per Pixel and Bits Allocated."),
        "rle_offset": ErrorCode(
            "An RLE segment lies outside the frame, or before the previous one.", _MALFORMED_OR_CUT
        ),
        "rle_segment": _truncated("An RLE segment ends too early."),
        "no_openjpeg": _unsupported("No OpenJPEG library that can decode this was found."),
    },
    "Volumes": {
        "slices_missing": _volume("Slices are missing: steps between others are a whole number of the usual one."),
        "slices_duplicate": _volume(
            "Several slices lie at the same position, and nothing tells which volume each is of."
        ),
        "spacing_unequal": _volume("The steps between slices differ, or slices lie off the line of the stack."),
        "gantry_tilt": _volume("Slices are not stacked along their normal."),
        "orientation_mixed": _volume("Slices have several orientations."),
        "size_mixed": _volume("Slices differ in rows, columns, samples or pixel spacing."),
        "series_mixed": _volume("The files are of several series, or hold several volumes (echoes, b-values, times)."),
        "not_a_volume": _volume(
            "The slices have no position, all have the same one, or are a mosaic that cannot be taken apart; or "
            "there is only one slice."
        ),
    },
    "Many files": {
        "no_files": ErrorCode("A folder, an archive or a pattern holds no DICOM file.", ("DicomError",)),
        "archive": ErrorCode(
            "An archive is damaged, or a member is encrypted or compressed by a method that is not supported.",
            _MALFORMED_OR_UNSUPPORTED,
        ),
        "batch_shape": ErrorCode(
            "The shape of the result is not the one that `out=` or `shape=` asks for.", ("DicomError",)
        ),
        "child_killed": ErrorCode(
            'The process that decoded the file ended (`isolation="process"`).', ("IsolationError",)
        ),
        "child_timeout": ErrorCode("Decoding the file took longer than `timeout=`.", ("IsolationError",)),
    },
    "Exports": {
        "target_exists": _export("The target holds something else, or results of an export with other settings."),
        "target_busy": _export("Another run writes into the target folder."),
        "disk_full": _export("The disk is full."),
        "not_writable": _export("The system refuses to write the results."),
        "export_type": _unsupported("The format cannot hold an array of this dtype or shape."),
        "tfrecord": ErrorCode("A TFRECORD file is damaged.", _MALFORMED_OR_CUT),
    },
    'values="tfio", and the command line': {
        "tfio_image": _malformed("tensorflow-io cannot load the image."),
        "tfio_depth": _unsupported("`dtype` is too small for the depth that tensorflow-io computes."),
        "tfio_undefined": _unsupported("The result of tensorflow-io is not deterministic."),
        "tfio_path": _malformed("tensorflow-io's `decode_dicom_data` does not find an item of the path."),
        "tfio_text": _malformed("tensorflow-io's `decode_dicom_data` has no text for the element."),
        "frame": ErrorCode("`dicomdecode show`: the image has no such frame.", ("DicomError",)),
    },
}

ERROR_CODES: Mapping[str, ErrorCode] = MappingProxyType(
    {code: row for rows in SECTIONS.values() for code, row in rows.items()}
)

#: What is wrong with a file that can be decoded all the same, and what is done about it.
ISSUE_CODES: Mapping[str, str] = MappingProxyType(
    {
        "bits_stored": "Bits Stored is 0: it is read as Bits Allocated.",
        "bits_allocated": "Bits Allocated is missing or less than Bits Stored: the length of native pixel data tells "
        "it.",
        "samples_per_pixel": "Samples per Pixel contradicts Photometric Interpretation: the length of native pixel "
        "data decides, else Samples per Pixel.",
        "no_transfer_syntax": "The file names no transfer syntax: the first element tells how it is encoded.",
        "encoding": "The data set is not encoded as its transfer syntax says: its first element decides.",
        "foreign_bytes": "Bytes in front of the file or the data set belong to no element: they are passed over.",
        "uid_padding": "There is white space around the transfer syntax: it is ignored.",
        "vr": "The VR of an element does not exist: the bytes behind it tell the length, the dictionary the meaning.",
        "element_twice": "An element occurs twice: the first one that is not empty is used.",
        "transfer_syntax": "The transfer syntax is unknown: native pixel data are read as Explicit VR Little Endian.",
        "sequence_cut": "The file ends inside a sequence of undefined length: what follows its beginning is lost.",
        "number_form": "A number is not written as its VR requires: it is read all the same.",
        "odd_length": "An element has an odd length: it is read as it is.",
        "character_set": "A character set is unknown: its text is read as ISO_IR 100.",
        "attribute_missing": "Samples per Pixel, Photometric Interpretation, Bits Stored, High Bit or Pixel "
        "Representation is missing: the usual value is used.",
        "high_bit": "High Bit is not Bits Stored - 1: it is used if possible.",
        "stray_bits": "Bits outside the stored ones are set: they are ignored.",
        "number_of_frames": "Number of Frames is not a positive number: it is read as 1.",
        "functional_groups": "The functional groups describe fewer or more frames than Number of Frames.",
        "pixels_length": "The pixel data have a length of fewer bytes than the image has, and the file has just these: "
        "they are read.",
        "frames_missing": "Some frames are missing: the others can be read.",
        "pixels_cut": "The file ends inside the pixel data: the frames before the end can be read.",
        "frames_extra": "There are more frames than the header says: they are ignored.",
        "trailing_bytes": "There are more bytes of pixel data than the header says: they are ignored.",
        "offset_table": "There is no offset table for several frames, or it does not fit: frames are found by their "
        "fragments.",
        "item_delimitation": "An Item Delimitation follows each fragment: it is stepped over.",
        "odd_422": "A 4:2:2 image has an odd number of columns: rows may end with a whole pair.",
        "full_422": "Every sample of a 4:2:2 image is stored: it is read as 4:4:4.",
        "photometric": "The codestream and Photometric Interpretation disagree on the colour space: the "
        "codestream decides.",
        "stream_codec": "The codestream is not of the kind that the transfer syntax names: the codestream decides.",
        "stream_begin": "A few bytes in front of the codestream belong to none of it: they are passed over.",
        "stream_rows": "The codestream and the header disagree on the number of rows: decoding it is an error.",
        "stream_columns": "The codestream and the header disagree on the number of columns: decoding it is an error.",
        "stream_components": "The number of components of the codestream is not Samples per Pixel: decoding it is "
        "an error.",
        "stream_precision": "The codestream has more or fewer bits than Bits Stored: values.md says which are used.",
        "stream_sign": "The codestream and Pixel Representation disagree on the sign: Pixel Representation decides.",
        "stream_process": "The codestream and the transfer syntax disagree on the JPEG process: it is decoded all the "
        "same.",
        "stream_scan": "The scan header names impossible coefficients: it is decoded all the same.",
        "stream_end": "The codestream has no end marker, or is followed by more bytes: it is decoded all the same.",
        "palette_short": "A table of a palette has fewer entries than its descriptor says: the last one stands for "
        "those missing.",
        "palette_channels": "The descriptors of a palette differ: each table is used as its own descriptor says.",
        "palette_depth": "The entries of a palette do not have the bits that it declares: the bits that they have are "
        "used.",
        "lut_depth": "The entries of a Modality, VOI or Presentation LUT do not have the bits that it declares: the "
        "bits that they have are used.",
        "lut_empty": "An item of a LUT sequence holds no table: it is not used.",
        "window_width": "A stored window cannot be used: the next one is used, if there is one.",
        "mosaic": "The slices are tiles of one picture, a mosaic: `read_series` takes it apart by its private header.",
        "spacing": "A spacing is not a positive number: it is not used.",
    }
)
