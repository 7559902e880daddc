# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""A DICOM file: source -> scan -> header."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint64_t

from dicomdecode.reading._dataset cimport DataSet
from dicomdecode.reading._fault cimport Fault, raise_fault
from dicomdecode.reading._header cimport SHAPE_IDENTITY, SHAPE_INVERSE, check_header, parse_header, photometric_name
from dicomdecode.reading._limits cimport fill_limits
from dicomdecode.reading._scan cimport CUT, SCAN_DEFLATED, SCAN_FAULT, SCAN_MORE, UNDEFINED, Element, find, map_init, scan

import zlib

from dicomdecode.errors import MalformedError
from dicomdecode.limits import over_limit
from dicomdecode.reading.source import MemorySource

cdef enum:
    FIRST_WINDOW = 65536        # bytes; the headers of most files fit


cdef class DicomFile(DataSet):
    """The data set of a file up to its pixel data, or all of it, and the header of its image.

    Parameters
    ----------
    source : dicomdecode.reading.source.Source
        Where the bytes are.
    limits : dicomdecode.Limits
        What the file may ask for.
    stop_at_pixels : bool
        Read no further than the front of the pixel data.
    """

    def __init__(self, source, limits, bint stop_at_pixels=True):
        cdef Fault fault
        cdef int result
        cdef uint64_t wanted
        cdef bint in_memory = type(source) is MemorySource
        fault.kind = 0
        self.source = source
        self.limits = limits
        self.kept = {}
        fill_limits(limits, &self.m.limits)
        cdef uint64_t size = source.size
        map_init(&self.m, NULL, 0, 0, size)
        fill_limits(limits, &self.m.limits)
        self.set_window(source.view if in_memory else source.read_at(0, FIRST_WINDOW))
        while True:
            result = scan(&self.m, stop_at_pixels, &fault)
            if result == SCAN_FAULT:
                raise_fault(&fault, -1)
            if result == SCAN_DEFLATED:
                self.inflate()
            elif result == SCAN_MORE:
                wanted = self.m.wanted
                if wanted > self.m.limits.header_bytes:
                    raise over_limit("The header exceeds", "limit_header_bytes", self.m.limits.header_bytes,
                                     offset=self.m.cursor.pos)
                wanted = min(max(wanted, 4 * self.m.cursor.size), size)
                if wanted == self.m.cursor.size:
                    self.m.file_size = wanted       # the file shrank under us: what is here is all there is
                else:
                    self.set_window(source.read_at(0, wanted))
            else:
                break
        parse_header(&self.m, &self.h)
        cdef const Element* uid = find(&self.m.meta, 0x00020010u)
        if uid != NULL and uid.length:
            self.transfer_syntax = self.value_of(uid).decode("latin-1").strip(" \0")
        elif self.m.explicit_vr:
            self.transfer_syntax = "1.2.840.10008.1.2.2" if self.m.cursor.big_endian else "1.2.840.10008.1.2.1"
        else:
            self.transfer_syntax = "1.2.840.10008.1.2"

    cdef int set_window(self, object window) except -1:
        """Point the map into another buffer that holds at least the same bytes; positions stay."""
        cdef Py_buffer view
        # The memoryview keeps the bytes where they are. A Py_buffer member would do so too, until the garbage collector
        # clears the object it points to before the buffer is released.
        self.window = memoryview(window)
        PyObject_GetBuffer(self.window, &view, PyBUF_SIMPLE)
        self.m.cursor.data = <const uint8_t*>view.buf
        self.m.cursor.size = view.len
        PyBuffer_Release(&view)
        if self.m.cursor.pos > self.m.cursor.size:
            raise MalformedError("The file changed while it was read", code="file_changed")
        return 0

    cdef int inflate(self) except -1:
        """Inflate the data set (PS3.5 A.5: raw RFC 1951) behind a copy of the file meta information."""
        cdef uint64_t start = self.m.dataset_offset
        deflated = self.source.read_at(start, self.source.size - start)
        cdef Py_ssize_t bound = <Py_ssize_t>self.m.limits.output_bytes
        cdef Py_ssize_t by_ratio = <Py_ssize_t>(self.m.limits.inflate_ratio * <uint64_t>len(deflated))
        bound = min(bound, by_ratio)
        inflater = zlib.decompressobj(wbits=-15)
        try:
            data = inflater.decompress(deflated, bound + 1)
        except zlib.error:
            raise MalformedError("The deflated data set can not be inflated", code="inflate", offset=start) from None
        if len(data) > bound:
            code = "limit_inflate_ratio" if bound == by_ratio else "limit_output_bytes"
            raise over_limit("The inflated data set exceeds", code, bound, offset=start)
        whole = bytes(self.source.read_at(0, start)) + data
        self.source = MemorySource(whole)
        self.m.file_size = len(whole)
        self.set_window(whole)
        self.m.cursor.pos = start
        self.m.begun = True
        return 0

    def check(self):
        """Raise when the attributes do not describe an image, or one beyond the limits."""
        cdef Fault fault
        fault.kind = 0
        if check_header(&self.m, &self.h, &fault) < 0:
            raise_fault(&fault, -1)

    # The header, read-only. What is missing reads as 0 or None.
    @property
    def rows(self):
        return self.h.rows

    @property
    def columns(self):
        return self.h.columns

    @property
    def frames(self):
        return self.h.frames

    @property
    def samples(self):
        return self.h.samples

    @property
    def bits_allocated(self):
        return self.h.bits_allocated

    @property
    def bits_stored(self):
        return self.h.bits_stored

    @property
    def high_bit(self):
        return self.h.high_bit

    @property
    def signed(self):
        return self.h.is_signed == 1

    @property
    def planar(self):
        return self.h.planar == 1

    @property
    def photometric(self):
        if self.h.photometric:
            name = photometric_name(self.h.photometric).decode("ascii")
            return name or self.text(0x00280004)
        return ""

    @property
    def pixel_kind(self):
        """"integer", "float", "double", or "" when there are no pixel data."""
        return ("", "integer", "float", "double")[self.h.pixel_kind]

    @property
    def pixels(self):
        """(tag, VR, offset, length, encapsulated) of the pixel data; an undefined length reaches to the end."""
        cdef Element e = self.h.pixels
        cdef str vr = chr(e.vr >> 8) + chr(e.vr & 0xFF) if e.vr else "OW"
        return (e.tag, vr, e.offset, e.length, bool(e.flags & UNDEFINED))

    @property
    def pixels_cut(self):
        """Whether the file ends before the declared end of the pixel data."""
        return bool(self.h.pixels.flags & CUT)

    @property
    def big_endian(self):
        return bool(self.h.big_endian)

    @property
    def contradicts(self):
        """The data set is not encoded as its transfer syntax says."""
        return bool(self.m.contradicts)

    @property
    def guessed(self):
        """The file names no transfer syntax."""
        return bool(self.m.guessed)

    @property
    def first_odd(self):
        """The first element of an odd length (PS3.5 7.1.1 forbids it); 0 where there is none."""
        cdef size_t i
        cdef const Element* e
        for i in range(self.m.elements.count):
            e = &self.m.elements.items[i]
            if e.length & 1 and not e.flags & (UNDEFINED | CUT):
                return e.tag
        e = &self.h.pixels
        return e.tag if e.length & 1 and not e.flags & (UNDEFINED | CUT) else 0

    @property
    def rescale(self):
        """(slope, intercept) of the modality stage, None when the data set has none (PS3.3 C.11.1)."""
        if self.h.unreadable:
            raise MalformedError("A decimal string is no finite number", code="decimal_string", tag=self.h.unreadable)
        if self.h.has_slope or self.h.has_intercept:
            return (self.h.slope, self.h.intercept)
        if self.h.has_dose_scaling:
            return (self.h.dose_scaling, 0.0)
        return None

    @property
    def window(self):
        """(center, width, function) of the first stored window, None when there is none."""
        if not self.h.has_window:
            return None
        return (self.h.center, self.h.width, ("LINEAR", "LINEAR_EXACT", "SIGMOID", "")[self.h.voi_function])

    @property
    def inverse(self):
        """Whether display inverts: shape INVERSE, or MONOCHROME1 with a shape other than IDENTITY."""
        return self.h.shape == SHAPE_INVERSE or (self.photometric == "MONOCHROME1" and self.h.shape != SHAPE_IDENTITY)

    @property
    def padding_range(self):
        """The stored values that are padding, (first, last), None when the data set names none."""
        if not self.h.has_padding:
            return None
        return (min(self.h.padding, self.h.padding_limit), max(self.h.padding, self.h.padding_limit))

    @property
    def has_modality_lut(self):
        return bool(self.h.has_modality_lut)

    @property
    def has_voi_lut(self):
        return bool(self.h.has_voi_lut)

    @property
    def has_functional_groups(self):
        return bool(self.h.has_functional_groups)
