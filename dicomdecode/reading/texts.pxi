# From the bytes of a value to text, and to Python objects (PS3.5 6.2).
#
# The rules of text stand here once, without the GIL: which VR is text or number, what is padding, how numbers are
# written. What needs Python (character sets other than the frequent three, floats, the data dictionary) comes as
# NEEDS_PYTHON; `DataSet.text` then makes UTF-8 of it, or the digits, and the same rules go on from there.

cdef enum TextForm:
    TEXTS_TRIMMED       # several texts; leading spaces are padding too
    TEXTS               # several texts
    ONE_TEXT            # where a backslash is a character
    NUMBERS
    FLOATS
    SEQUENCE
    BINARY

cdef enum Charset:
    UNREAD
    NOT_NAMED
    LATIN_1             # a superset of ISO_IR 6: bytes that the default set does not have stay visible
    UTF_8
    OTHER

cdef enum TextResult:
    NEEDS_PYTHON = -1
    NO_MEMORY_FOR_TEXT = -2


cdef bint is_one_of(uint16_t vr, const char* words) noexcept nogil:
    """Whether a VR is among words of two letters."""
    while words[0]:
        if vr == letters(words):
            return True
        words += 2
    return False


cdef int text_form(uint16_t vr) noexcept nogil:
    if is_one_of(vr, b"AECSDSISLOSH"):
        return TEXTS_TRIMMED
    if is_one_of(vr, b"ASDADTTMPNUCUI"):
        return TEXTS
    if is_one_of(vr, b"LTSTUTUR"):
        return ONE_TEXT
    if is_one_of(vr, b"USSSULSLUVSVAT"):
        return NUMBERS
    if is_one_of(vr, b"FLFDOFOD"):
        return FLOATS
    return SEQUENCE if vr == letters(b"SQ") else BINARY


cdef bint in_character_set(uint16_t vr) noexcept nogil:
    """Whether Specific Character Set applies (PS3.5 6.1.2.3)."""
    return is_one_of(vr, b"LOLTPNSHSTUCUT")


cdef inline int number_bytes(uint16_t vr) noexcept nogil:
    return 2 if is_one_of(vr, b"USSS") else 8 if is_one_of(vr, b"UVSVFDOD") else 4


cdef bint term_is(const uint8_t* p, size_t n, const char* word) noexcept nogil:
    return n == strlen(word) and memcmp(p, word, n) == 0


cdef int charset_of(const FileMap* m) noexcept nogil:
    """Specific Character Set (0008,0005)."""
    cdef const Element* e = find(&m.elements, 0x00080005u)
    cdef const uint8_t* p
    cdef size_t n
    if e == NULL or e.flags & FAR:
        return NOT_NAMED
    p = value_at(m, e)
    n = <size_t>e.length
    while n and is_padding(p[n - 1]):
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
        while stop < n and (form == ONE_TEXT or p[stop] != c'\\'):
            stop += 1
        begin, end = first, stop
        while end > begin and is_padding(p[end - 1]):
            end -= 1
        while form == TEXTS_TRIMMED and begin < end and is_padding(p[begin]):
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


cdef const char* DIGITS = b"0123456789abcdef"       # in C: a bytes object is not for functions without the GIL


cdef size_t put_hexadecimal(uint32_t number, int digits, char* out) noexcept nogil:
    cdef int i
    for i in range(digits):
        out[i] = DIGITS[(number >> (4 * (digits - 1 - i))) & 15]
    return digits


cdef size_t put_numbers(const uint8_t* p, size_t n, uint16_t vr, bint big, char* out) noexcept nogil:
    """All complete values, joined by backslashes; at most four bytes for each."""
    cdef size_t size = number_bytes(vr)
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


cdef int64_t write_text(const uint8_t* p, size_t n, uint16_t vr, bint big, int charset, char** out) noexcept nogil:
    """The text of a value as UTF-8, in new memory; its size, or a TextResult."""
    cdef int form = text_form(vr)
    cdef bint is_latin = True
    cdef size_t i, written
    if form == FLOATS:
        return NEEDS_PYTHON
    if form <= ONE_TEXT and in_character_set(vr) and not is_ascii(p, n):
        if charset == OTHER or (charset == UTF_8 and not is_utf_8(p, n)):
            return NEEDS_PYTHON
        is_latin = charset != UTF_8
    out[0] = <char*>malloc(4 * n + 1)
    if out[0] == NULL:
        return NO_MEMORY_FOR_TEXT
    if form == NUMBERS:
        written = put_numbers(p, n, vr, big, out[0])
    elif form <= ONE_TEXT:
        written = put_texts(p, n, form, is_latin, out[0])
    else:
        for i in range(n):
            put_hexadecimal(p[i], 2, out[0] + 2 * i)
        written = 2 * n
    return <int64_t>written


cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        TextSink sink, void* target) noexcept nogil:
    """Give the text of each tag to `sink`; False when any of them needs Python, which then gives all again."""
    cdef FileMap m
    cdef FileBytes f
    cdef Fault fault
    cdef int result
    cdef int charset = UNREAD
    cdef size_t i
    cdef bint done
    fault.kind = NO_FAULT
    hold_all(&f, contents, size)
    result = scan_held(&m, &f, limits, &fault)
    done = (result == SCAN_DONE or result == SCAN_PIXELS) and (m.explicit_vr or count == 0)
    for i in range(count):
        if not done:
            break
        # The pixel data and what lies behind them are rare.
        done = (m.pixels.tag == 0 or tags[i] < m.pixels.tag) and sink_text(&m, tags[i], &charset, i, sink, target)
    map_free(&m)
    return done


cdef bint sink_text(const FileMap* m, uint32_t tag, int* charset, size_t index, TextSink sink,
                    void* target) noexcept nogil:
    """The text of one element of a file, "" where it is absent; False when it needs Python."""
    cdef const Element* e = find(&m.meta if tag >> 16 == 2 else &m.elements, tag)
    cdef char* text = NULL
    cdef int64_t size
    if e == NULL:
        sink(target, index, b"", 0)
        return True
    if e.flags or lacks_vr(e):
        return False
    if text_form(e.vr) == SEQUENCE:
        sink(target, index, b"", 0)
        return True
    if charset[0] == UNREAD:
        charset[0] = charset_of(m)
    size = write_text(value_at(m, e), <size_t>e.length, e.vr, m.cursor.big_endian and e.tag >> 16 != 2, charset[0],
                      &text)
    if size < 0:
        return False
    sink(target, index, text, <size_t>size)
    free(text)
    return True


# --- with Python ------------------------------------------------------------------------------------------------------

cdef bytes to_utf_8(uint16_t vr, bytes value, int charset, list terms):
    """A text in a character set that Python knows, or in damaged UTF-8, as UTF-8."""
    if charset == UTF_8:
        return value.decode("utf-8", "replace").encode("utf-8")
    return decode_text(value, terms, vr == letters(b"PN")).encode("utf-8", "replace")


cdef str shortest_float(double number, bint single):
    """The shortest text that reads back the same value, of a 32-bit float too."""
    cdef int digits
    if not single or number != number or number - number != 0:
        return repr(number)
    # What six digits can say they say at once, but for numbers below the normal ones.
    for digits in range(6 if abs(number) >= FLT_MIN else 1, 10):
        text = f"{number:.{digits}g}"
        if <float>float(text) == <float>number:
            break
    # repr of the double of these digits has them and no others
    return repr(float(text))


cdef enum:
    NUMBERS_AT_ONCE = 4096      # that are objects while they become text


cdef str text_of_floats(const uint8_t* p, size_t n, uint16_t vr, bint big):
    """The shortest texts of all complete values, joined by backslashes."""
    cdef bint single = is_one_of(vr, b"FLOF")
    cdef size_t step = NUMBERS_AT_ONCE * <size_t>number_bytes(vr)
    cdef size_t at
    cdef list texts = []
    for at in range(0, n - n % <size_t>number_bytes(vr), step):
        numbers = numbers_of(p + at, min(step, n - at), vr, big)
        texts.append("\\".join([shortest_float(number, single) for number in numbers]))
    return "\\".join(texts)


cdef list numbers_of(const uint8_t* p, size_t n, uint16_t vr, bint big):
    """All complete values of a binary VR as Python numbers; a cut last one is dropped."""
    cdef int size = number_bytes(vr)
    cdef bint is_signed = is_one_of(vr, b"SSSLSV")
    cdef list found = []
    cdef size_t i
    cdef uint64_t bits
    cdef uint32_t half
    cdef float single
    cdef double whole
    for i in range(n // size):
        bits = u16_at(p, big) if size == 2 else u32_at(p, big) if size == 4 else u64_at(p, big)
        half = <uint32_t>bits
        if is_one_of(vr, b"FLOF"):
            memcpy(&single, &half, 4)
            found.append(single)
        elif is_one_of(vr, b"FDOD"):
            memcpy(&whole, &bits, 8)
            found.append(whole)
        elif vr == letters(b"AT"):
            found.append(tag_at(p, big))
        elif not is_signed:
            found.append(bits)
        else:
            found.append(<int16_t>bits if size == 2 else <int32_t>half if size == 4 else <int64_t>bits)
        p += size
    return found


cdef enum:
    MOST_DIGITS = 300           # of an integer; all of so many are also floats, which callers compute with


cdef object typed_number(str text, bint whole):
    """A DS or IS in the type of Python, by the rules of `parse_decimal`; the text where it is no number."""
    cdef double number = 0
    cdef bytes written = text.encode("utf-8")
    if not text:
        return None
    if whole and len(text) <= MOST_DIGITS:
        try:
            return int(text)
        except ValueError:
            pass
    if not parse_decimal(<const uint8_t*>PyBytes_AS_STRING(written), len(written), &number):
        return text
    if whole:
        return int(number) if number.is_integer() else text
    return number


cdef object typed_text(uint16_t vr, str text):
    """One text in the type of its VR; as it is where it breaks the rules of the VR."""
    if vr == letters(b"IS") or vr == letters(b"DS"):
        return typed_number(text, vr == letters(b"IS"))
    if vr == letters(b"DA") and len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            return text
    return text
