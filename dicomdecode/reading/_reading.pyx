# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""From the bytes of a file to its data set and its header. One module, so that its parts can call each other directly.

source.pxi     where the bytes come from
element.pxi    the header of a data element
begin.pxi      where a data set begins, and how it is encoded
scan.pxi       bytes -> a flat table of data elements
behind.pxi     the same for elements that follow the pixel data
fragments.pxi  from fragment to fragment of encapsulated pixel data
numbers.pxi    the numbers that a value holds
header.pxi     elements -> the attributes that say what the pixel data are
texts.pxi      the bytes of a value -> text, numbers
items.pxi      the items of a sequence
dataset.pxi    a data set as Python sees it
file.pxi       a file: all of these together
fault.pxi      errors of functions without the GIL -> exceptions
buffers.pxi    what such functions read and write of Python's objects
"""
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_IsContiguous, PyBuffer_Release, PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from cpython.ref cimport Py_DECREF, PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from cython cimport critical_section, freelist, internal
from libc.errno cimport EISDIR, errno
from libc.float cimport FLT_MIN
from libc.math cimport isfinite
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strcmp, strlen

from dicomdecode.reading._cursor cimport Cursor, short_of, tag_at, u16_at, u32_at, u64_at
from dicomdecode.reading._limits cimport CLimits, fill_limits

import datetime
import itertools
import operator
import os
import threading
from collections.abc import Sequence

from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError
from dicomdecode.limits import over_limit
from dicomdecode.reading.charset import decode_text, terms_of
from dicomdecode.reading.foreign import is_path, not_dicom
from dicomdecode.reading.inflate import InflatedFile, inflated_file
from dicomdecode.reading.private import parse_private_tag, private_tag
from dicomdecode.syntaxes import (
    DEFLATED, EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, GE_PRIVATE, IMPLICIT_LITTLE_ENDIAN)
from dicomdecode.tags import is_defined, parse_tag, private_vr_of, vr_of

cdef enum:
    ITEM_DELIMITATION = 0xFFFEE00Du
    SEQUENCE_DELIMITATION = 0xFFFEE0DDu
    TRANSFER_SYNTAX_UID = 0x00020010u
    PIXEL_DATA = 0x7FE00010u
    VR_UN = 0x554E

cdef int OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

include "fault.pxi"
include "buffers.pxi"
include "source.pxi"
include "element.pxi"
include "begin.pxi"
include "scan.pxi"
include "fragments.pxi"
include "behind.pxi"
include "numbers.pxi"
include "header.pxi"
include "texts.pxi"
include "items.pxi"
include "dataset.pxi"
include "file.pxi"
