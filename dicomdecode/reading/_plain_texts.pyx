# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Texts of data elements without the GIL: ASCII, Latin-1, UTF-8, whole numbers, hexadecimal. Python does the rest.

The rules are those of _values.pyx, which is asked for all that is not here: implicit VR, other character sets, floats.
"""
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, strlen

from dicomdecode.reading._cursor cimport u16_at, u32_at, u64_at
from dicomdecode.reading._fault cimport Fault
from dicomdecode.reading._limits cimport CLimits
from dicomdecode.reading._scan cimport (
    CUT, SCAN_DONE, SCAN_PIXELS, UNDEFINED, Element, FileMap, find, letters, map_free, map_init, scan)

cdef enum Form:
    BOTH            # several texts, leading and trailing padding
    TRAILING        # several texts, trailing padding
    SINGLE          # one text, where a backslash is a character
    NUMBERS
    NOTHING         # a sequence
    HEXADECIMAL
    FOR_PYTHON

cdef enum Charset:
    UNREAD
    LATIN_1
    UTF_8
    OTHER


cdef bint is_one_of(uint16_t vr, const char* words) noexcept nogil:
    """Whether a VR is among words of two letters."""
    while words[0]:
        if vr == letters(words):
            return True
        words += 2
    return False


cdef int form_of(uint16_t vr) noexcept nogil:
    if vr == 0 or is_one_of(vr, b"FLFDOFOD"):
        return FOR_PYTHON
    if is_one_of(vr, b"AECSDSISLOSH"):
        return BOTH
    if is_one_of(vr, b"ASDADTTMPNUCUI"):
        return TRAILING
    if is_one_of(vr, b"LTSTUTUR"):
        return SINGLE
    if is_one_of(vr, b"USSSULSLUVSVAT"):
        return NUMBERS
    return NOTHING if vr == letters(b"SQ") else HEXADECIMAL


cdef bint term_is(const uint8_t* p, size_t n, const char* word) noexcept nogil:
    return n == strlen(word) and memcmp(p, word, n) == 0


cdef int charset_of(const FileMap* m) noexcept nogil:
    """Specific Character Set (0008,0005), where it is one of the frequent three."""
    cdef const Element* e = find(&m.elements, 0x00080005u)
    cdef const uint8_t* p
    cdef size_t n
    if e == NULL:
        return LATIN_1
    p = m.cursor.data + (e.offset - m.base)
    n = <size_t>e.length
    while n and (p[n - 1] == c' ' or p[n - 1] == 0):
        n -= 1
    while n and p[0] == c' ':
        p += 1
        n -= 1
    if (n == 0 or term_is(p, n, b"ISO_IR 6") or term_is(p, n, b"ISO_IR 100") or term_is(p, n, b"ISO 2022 IR 6")
            or term_is(p, n, b"ISO 2022 IR 100")):
        return LATIN_1
    return UTF_8 if term_is(p, n, b"ISO_IR 192") or term_is(p, n, b"UTF-8") else OTHER


cdef bint is_ascii(const uint8_t* p, size_t n) noexcept nogil:
    """Without ESC, which begins another character set."""
    cdef uint8_t seen = 0
    cdef bint escape = False
    cdef size_t i
    for i in range(n):
        seen |= p[i]
        escape |= p[i] == 0x1B
    return seen < 0x80 and not escape


cdef bint is_utf_8(const uint8_t* p, size_t n) noexcept nogil:
    """Well-formed by the table of Unicode 3.9 (D92): neither overlong nor a surrogate."""
    cdef size_t i = 0
    cdef int follow
    cdef uint8_t low, high
    while i < n:
        low, high = 0x80, 0xBF
        if p[i] < 0x80:
            follow = 0
        elif 0xC2 <= p[i] <= 0xDF:
            follow = 1
        elif 0xE0 <= p[i] <= 0xEF:
            follow = 2
            low = 0xA0 if p[i] == 0xE0 else low
            high = 0x9F if p[i] == 0xED else high
        elif 0xF0 <= p[i] <= 0xF4:
            follow = 3
            low = 0x90 if p[i] == 0xF0 else low
            high = 0x8F if p[i] == 0xF4 else high
        else:
            return False
        i += 1
        while follow:
            if i == n or not low <= p[i] <= high:
                return False
            low, high = 0x80, 0xBF
            i += 1
            follow -= 1
    return True


cdef inline bint is_padding(uint8_t c) noexcept nogil:
    return c == c' ' or c == 0


cdef size_t put_texts(const uint8_t* p, size_t n, int form, bint is_latin, char* out) noexcept nogil:
    """The parts between backslashes without their padding, as UTF-8; at most two bytes for each."""
    cdef size_t written = 0
    cdef size_t first = 0
    cdef size_t stop, i, begin, end
    while True:
        stop = first
        while stop < n and (form == SINGLE or p[stop] != c'\\'):
            stop += 1
        begin, end = first, stop
        while end > begin and is_padding(p[end - 1]):
            end -= 1
        while form == BOTH and begin < end and is_padding(p[begin]):
            begin += 1
        for i in range(begin, end):
            if is_latin and p[i] >= 0x80:
                out[written] = <char>(0xC0 | (p[i] >> 6))
                out[written + 1] = <char>(0x80 | (p[i] & 0x3F))
                written += 2
            else:
                out[written] = <char>p[i]
                written += 1
        if stop == n:
            return written
        out[written] = c'\\'
        written += 1
        first = stop + 1


cdef size_t put_decimal(uint64_t number, bint negative, char* out) noexcept nogil:
    cdef char[20] digits
    cdef size_t n = 0
    cdef size_t i
    while True:
        digits[n] = <char>(c'0' + number % 10)
        n += 1
        number //= 10
        if number == 0:
            break
    if negative:
        out[0] = c'-'
        out += 1
    for i in range(n):
        out[i] = digits[n - 1 - i]
    return n + negative


cdef size_t put_hexadecimal(uint32_t number, int digits, char* out) noexcept nogil:
    cdef int i
    for i in range(digits):
        out[i] = b"0123456789abcdef"[(number >> (4 * (digits - 1 - i))) & 15]
    return digits


cdef size_t put_numbers(const uint8_t* p, size_t n, uint16_t vr, bint big, char* out) noexcept nogil:
    """All complete values, joined by backslashes; at most four bytes for each."""
    cdef size_t size = 2 if is_one_of(vr, b"USSS") else 8 if is_one_of(vr, b"UVSV") else 4
    cdef bint is_signed = is_one_of(vr, b"SSSLSV")
    cdef size_t written = 0
    cdef size_t i
    cdef int64_t number
    for i in range(n // size):
        if i:
            out[written] = c'\\'
            written += 1
        if vr == letters(b"AT"):
            out[written] = c'('
            out[written + 5] = c','
            out[written + 10] = c')'
            put_hexadecimal(u16_at(p, big), 4, out + written + 1)
            put_hexadecimal(u16_at(p + 2, big), 4, out + written + 6)
            written += 11
        else:
            if size == 2:
                number = u16_at(p, big)
                if is_signed:
                    number = <int16_t>number
            elif size == 4:
                number = u32_at(p, big)
                if is_signed:
                    number = <int32_t>number
            else:
                number = <int64_t>u64_at(p, big)
            if is_signed and number < 0:
                written += put_decimal(0 - <uint64_t>number, True, out + written)
            else:
                written += put_decimal(<uint64_t>number, False, out + written)
        p += size
    return written


cdef bint put_one(const FileMap* m, const Element* e, int* charset, size_t index, Sink sink,
                  void* target) noexcept nogil:
    cdef const uint8_t* p = m.cursor.data + (e.offset - m.base)
    cdef size_t n = <size_t>e.length
    cdef size_t i, written
    cdef int form = form_of(e.vr)
    cdef bint is_latin = True
    cdef char* out
    if e.flags & CUT or form == FOR_PYTHON:
        return False
    if form == NOTHING or e.flags & UNDEFINED:
        sink(target, index, b"", 0)
        return True
    if form <= SINGLE and is_one_of(e.vr, b"LOLTPNSHSTUCUT") and not is_ascii(p, n):
        if charset[0] == UNREAD:
            charset[0] = charset_of(m)
        if charset[0] == OTHER or (charset[0] == UTF_8 and not is_utf_8(p, n)):
            return False
        is_latin = charset[0] == LATIN_1
    out = <char*>malloc(4 * n + 1)
    if out == NULL:
        return False
    if form == NUMBERS:
        written = put_numbers(p, n, e.vr, m.cursor.big_endian and e.tag >> 16 != 2, out)
    elif form == HEXADECIMAL:
        for i in range(n):
            put_hexadecimal(p[i], 2, out + 2 * i)
        written = 2 * n
    else:
        written = put_texts(p, n, form, is_latin, out)
    sink(target, index, out, written)
    free(out)
    return True


cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        Sink sink, void* target) noexcept nogil:
    """Give the text of each tag to `sink`; False when any of them is for Python, which then gives all again."""
    cdef FileMap m
    cdef Fault fault
    cdef const Element* e
    cdef int charset = UNREAD
    cdef int result
    cdef size_t i
    cdef bint done = True
    map_init(&m, contents, size, 0, size)
    m.limits = limits[0]
    result = scan(&m, True, &fault)
    if result != SCAN_DONE and result != SCAN_PIXELS:
        done = False
    for i in range(count):
        if not done or (m.pixels.tag and tags[i] >= m.pixels.tag):
            done = False
            break
        e = find(&m.meta if tags[i] >> 16 == 2 else &m.elements, tags[i])
        if e == NULL:
            sink(target, i, b"", 0)
        elif not put_one(&m, e, &charset, i, sink, target):
            done = False
    map_free(&m)
    return done
