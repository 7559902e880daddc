# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""The core: from an opened file to results without Python, for arrays, TensorFlow's tensors and batches alike.

layout.pxi   what an image is, and what its integers become
index.pxi    where the frames of encapsulated pixel data are
lengths.pxi  the same where lengths alone tell
choice.pxi   which frames, and which part of them, a request wants
frame.pxi    one frame: cells or codestream -> samples -> colour -> plan -> result
request.pxi  what a caller asks for
library.pxi  frames whose codec is a Python call
frames.pxi   the class that decodes the frames of a file
alone.pxi    one image without Python; several files by their paths

What chooses a plan from look-up tables, functional groups, palettes and profiles is Python (`planning.py`), and so are
the codecs of libraries; the classes hand frames to them and plans to the core.
"""
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython cimport critical_section, internal
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport INT64_MAX, UINT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from dicomdecode.codecs._heads cimport (
    HEAD_BYTES, JPEG2000_FAMILY, JPEG_FAMILY, JPEG_XL_FAMILY, NO_FAMILY, RLE_FAMILY, exact_bits, family_behind,
    family_of)
from dicomdecode.codecs._j2k cimport reduced
from dicomdecode.codecs._jpeg2000 cimport J2K_NOT_TAKEN, j2k_decode
from dicomdecode.codecs._ljpeg cimport ljpeg_decode
from dicomdecode.codecs._markers cimport (
    SAYS_NOTHING, SAYS_RGB, SOF3, SOF55, JpegHead, is_frame_header, read_jpeg_head)
from dicomdecode.codecs._openjpeg cimport Api, OpenJPEG, openjpeg_decode
from dicomdecode.codecs._rle cimport rle_decode
from dicomdecode.codecs._spec cimport FrameSpec
from dicomdecode.codecs.jpegls._jpegls cimport jpegls_decode
from dicomdecode.pixels._plans cimport (
    PLAN_COPY, PLAN_FUNCTION, PLAN_PALETTE, CAffine, Cells, CPlan, Plan, expand_half_chroma, fold, interleave_planes,
    item_bytes, joined, possible_range, range_fits, range_onto_unit, result_bytes, run_plan, shift_cells, stretched,
    swap_cells, then, unit_onto, unpack_cells, window_onto_unit, ybr_to_rgb)
from dicomdecode.reading._cursor cimport u32_at, u64_at
from dicomdecode.reading._reading cimport (
    CUT_FRAGMENT, FRAGMENT, MALFORMED, NO_MEMORY, OVER_LIMIT, PIXELS_FLOAT, PIXELS_INTEGER, PI_MISSING,
    PI_PALETTE_COLOR, PI_RGB, PI_YBR_FULL, PI_YBR_FULL_422, PI_YBR_ICT, PI_YBR_PARTIAL_420,
    PI_YBR_PARTIAL_422, PI_YBR_RCT, SCAN_PIXELS, TRUNCATED, UNDEFINED, UNREADABLE, VOI_LINEAR, VOI_LINEAR_EXACT,
    VOI_SIGMOID, WALK_FAILED, DicomFile, Element, Fault, FileBytes, FileMap, FragmentWalk, ImageHeader, OpenFile,
    ReadBuffer, Uid, WriteBuffer, begin_of_fragment, check_header, close_file, fail, find, held_at, hold_all,
    hold_front, is_same, is_shown_inverted, letters, limits_of, low_bit_of, map_free, next_fragment, parse_header,
    path_of, read_bytes, rescale_of, scan_held, step_fragment, syntax_of, uid_of, value_at, walk_free, walk_init)
from dicomdecode.words cimport (
    COLOR_PALETTE, COLOR_RGBA, COLOR_SRGB, COLOR_STORED, SCALE_AUTO, T_F32, T_F64, T_I8, T_I16, T_I32, T_I64, T_U8,
    T_COUNT, T_U16, T_U32, T_U64, VALUES_DISPLAY, VALUES_MODALITY, VALUES_STORED, VALUES_VOI)

import math
import zlib

import numpy as np

from dicomdecode import codecs
from dicomdecode.codecs import CODECS
from dicomdecode.codecs._heads import colour_of
from dicomdecode.errors import DicomError, MalformedError, UnsupportedError
from dicomdecode.limits import over_limit
from dicomdecode.pixels import arguments
from dicomdecode.reading._reading import ForkLock, MemorySource
from dicomdecode.syntaxes import (
    DEFLATED_FRAME, ENCAPSULATED_UNCOMPRESSED, EXPLICIT_LITTLE_ENDIAN, JPEG2000, JPEG_BASELINE, JPEG_XL, RLE, SYNTAXES,
    name_of)
from dicomdecode.words import COLORS, ELEMENT_TYPES, LEVELS, SCALES

include "layout.pxi"
include "index.pxi"
include "lengths.pxi"
include "frame.pxi"
include "choice.pxi"
include "request.pxi"


cdef class PixelData:
    """The pixel data of an opened file, and what later decodes of it use again: an index, palettes, profiles, video."""

    def __init__(self, DicomFile file not None):
        self.file = file

    def __dealloc__(self):
        free_index(&self.index)

    cdef FrameIndex* indexed(self, const Layout* layout) except NULL:
        """The index of the frames, made once."""
        cdef Fault fault
        cdef FrameIndex found
        cdef int status
        cdef bint is_made
        with critical_section(self):
            is_made = self.has_index
        if is_made:
            return &self.index
        # Reading a file object lets other threads in here: each makes an index, and the first to finish keeps its own.
        status = begin_index(&found, &self.file.bytes, &self.file.m, &self.file.h, layout, &fault)
        with critical_section(self):
            if status == 0 and not self.has_index:
                self.index = found
                self.has_index = True
            else:
                free_index(&found)
        if status < 0:
            self.file.raise_fault(&fault, -1)
        return &self.index

    cdef int walk(self, uint64_t last=UINT64_MAX) except -1:
        """Find the fragments of all frames, or at least of those up to the frame `last`."""
        cdef Fault fault
        cdef int status
        with critical_section(self):
            if self.walking is None:
                self.walking = ForkLock()
        with self.walking:
            status = walk_index(&self.index, &self.file.bytes, self.file.h.pixels.tag, last, &fault)
        if status < 0:
            self.file.raise_fault(&fault, -1)
        return 0


cdef int use_openjpeg() except -1:
    """From now on frames of JPEG 2000 are decoded without the GIL, where there is a shared OpenJPEG."""
    global openjpeg, openjpeg_owner
    cdef OpenJPEG library
    from dicomdecode.codecs.jpeg2000 import openjpeg as find_openjpeg

    library = find_openjpeg()
    if library is not None:
        openjpeg_owner = library
        openjpeg = &library.api
    return 0


cdef int conversion_named(color, const Layout* layout) except -1:
    """What samples need that a codec calls so."""
    if not layout.to_rgb or not color.startswith("YBR_"):
        if layout.to_rgb and color not in ("RGB", "MONOCHROME", "PALETTE COLOR"):
            refuse_conversion()
        return AS_THEY_ARE
    if color.startswith("YBR_PARTIAL"):
        return PARTIAL_RANGE
    return FULL_RANGE if color.startswith("YBR_FULL") else AS_THEY_ARE


cdef int refuse_conversion() except -1:
    raise UnsupportedError("This Photometric Interpretation has no conversion to RGB",
                           code="photometric_interpretation", tag=0x00280004, hint='Ask for color="stored"')


cdef int refuse_to_reduce(int row) except -1:
    raise UnsupportedError(f"reduce= needs JPEG 2000, not {SYNTAX_ROWS[row].name}", code="reduce")


cdef int refuse(DicomFile file, const Layout* layout, str color) except -1:
    """Raise: no decoder takes this image."""
    if layout.syntax < 0:
        raise UnsupportedError(f"No decoder for {name_of(file.transfer_syntax)}", code="transfer_syntax",
                               tag=0x00020010)
    syntax = SYNTAX_ROWS[layout.syntax]
    if not syntax.codec:
        raise UnsupportedError(f"No decoder for the transfer syntax {syntax.name} ({syntax.uid})",
                               code="transfer_syntax", tag=0x00020010)
    if syntax.codec == "native" and file.is_encapsulated:
        raise MalformedError(f"Pixel data are encapsulated under the transfer syntax {syntax.name}",
                             code="encapsulated", tag=0x7FE00010)
    if color == "rgba":
        raise UnsupportedError('color="rgba" needs PALETTE COLOR', code="alpha", tag=0x00280004)
    return refuse_conversion()


include "library.pxi"
include "frames.pxi"
include "alone.pxi"
include "many.pxi"
