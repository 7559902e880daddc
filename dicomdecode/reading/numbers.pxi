# The numbers that a value holds: decimal text (DS, IS) and binary ones, and their byte order.

cdef enum Number:
    NO_VALUE            # fewer values are there
    NO_NUMBER
    A_NUMBER

# Powers of ten that a double holds exactly: one rounding in all for 15 digits or fewer (Clinger, PLDI 1990).
cdef double[23] POWERS = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
                          1e17, 1e18, 1e19, 1e20, 1e21, 1e22]


cdef inline bint is_written_un(const FileMap* m, const Element* e) noexcept nogil:
    """Whether an element with VR UN says so itself; else its VR was none, and is counted as UN."""
    cdef const uint8_t* p = place_of(m, e) - 8      # VR, 2 reserved bytes, 32-bit length
    return p[0] == c'U' and p[1] == c'N'


cdef inline bint is_big_endian(const FileMap* m, const Element* e) noexcept nogil:
    """The byte order of a value: that of the data set, but of what is written as UN (PS3.5 6.2.2)."""
    return m.cursor.big_endian and not (e.vr == VR_UN and is_written_un(m, e))


cdef bint python_decimal(const uint8_t* p, size_t n, double* out) noexcept with gil:
    """The rare long decimal string, correctly rounded by Python."""
    cdef double number
    try:
        number = float(PyBytes_FromStringAndSize(<const char*>p, <Py_ssize_t>n).replace(b",", b"."))
    except Exception:
        return False
    if isfinite(number):
        out[0] = number
        return True
    return False


cdef bint parse_decimal(const uint8_t* p, size_t n, double* out) noexcept nogil:
    """A DS or IS value; False when it is not a finite number.

    White space and NUL on both sides are padding, more than PS3.5 6.2 allows, and what is behind a NUL is none of it. A
    comma is a point where there is no other.
    """
    cdef size_t i = 0
    cdef uint64_t mantissa = 0
    cdef int digits = 0
    cdef int exponent = 0
    cdef bint any_digit = False
    cdef bint negative
    cdef bint point = False
    while n and is_white(p[0]):
        p += 1
        n -= 1
    while i < n and p[i] != 0:
        i += 1
    n = i
    while n and is_white(p[n - 1]):
        n -= 1
    negative = n > 0 and p[0] == c'-'
    i = negative or (n > 0 and p[0] == c'+')
    while i < n:
        if c'0' <= p[i] <= c'9':
            any_digit = True
            if mantissa or p[i] != c'0':
                digits += 1
            if digits <= 18:
                mantissa = 10 * mantissa + (p[i] - c'0')
            exponent -= point
        elif (p[i] == c'.' or p[i] == c',') and not point:
            point = True
        else:
            break
        i += 1
    if not any_digit or (i < n and not parse_exponent(p + i, n - i, &exponent)):
        return False
    if digits > 15 or exponent > 22 or exponent < -22:
        return python_decimal(p, n, out)
    out[0] = <double>mantissa / POWERS[-exponent] if exponent < 0 else <double>mantissa * POWERS[exponent]
    if negative:
        out[0] = -out[0]
    return True


cdef bint parse_exponent(const uint8_t* p, size_t n, int* exponent) noexcept nogil:
    """Add what follows the digits, "e" and an integer; False when it is anything else."""
    cdef size_t i = 1
    cdef int written = 0
    cdef bint negative = n > 1 and p[1] == c'-'
    if p[0] != c'e' and p[0] != c'E':
        return False
    if negative or (n > 1 and p[1] == c'+'):
        i = 2
    if i == n:
        return False
    while i < n and c'0' <= p[i] <= c'9':
        if written < 10000:
            written = 10 * written + (p[i] - c'0')
        i += 1
    exponent[0] += -written if negative else written
    return i == n


cdef int nth_number(const uint8_t* p, const Element* e, bint big_endian, size_t index, double* out) noexcept nogil:
    """Value `index` of a number, a text or in binary whatever its tag asks for: a Number."""
    cdef size_t first = 0
    cdef size_t n
    cdef int form = TEXTS if e.vr == letters(b"DS") or e.vr == letters(b"IS") else text_form(e.vr)
    if form == NUMBERS or form == FLOATS:
        n = <size_t>number_bytes(e.vr)
        if index >= e.length // n:
            return NO_VALUE
        return binary_number(p + n * index, e.vr, big_endian, out)
    while index and first < e.length:
        index -= p[first] == c'\\'
        first += 1
    if index or e.length == 0:
        return NO_VALUE
    n = first
    while n < e.length and p[n] != c'\\':
        n += 1
    return A_NUMBER if parse_decimal(p + first, n - first, out) else NO_NUMBER


cdef int binary_number(const uint8_t* p, uint16_t vr, bint big_endian, double* out) noexcept nogil:
    """One value of a VR of 2, 4 or 8 bytes."""
    cdef int size = number_bytes(vr)
    cdef uint64_t bits = (u16_at(p, big_endian) if size == 2 else u32_at(p, big_endian) if size == 4
                          else u64_at(p, big_endian))
    cdef uint32_t half = <uint32_t>bits
    cdef float single
    if is_one_of(vr, b"FLOF"):
        memcpy(&single, &half, 4)
        out[0] = single
    elif is_one_of(vr, b"FDOD"):
        memcpy(out, &bits, 8)
    elif is_one_of(vr, b"SSSLSV"):
        out[0] = <int16_t>bits if size == 2 else <int32_t>half if size == 4 else <int64_t>bits
    else:
        out[0] = <double>bits
    return A_NUMBER if isfinite(out[0]) else NO_NUMBER


cdef bint first_decimal(const uint8_t* p, const Element* e, bint big_endian, double* out) noexcept nogil:
    """The first of the values, where it is a number; else `out` stays."""
    cdef double number = 0
    if nth_number(p, e, big_endian, 0, &number) != A_NUMBER:
        return False
    out[0] = number
    return True


cdef bint integer(const uint8_t* p, const Element* e, bint big_endian, int64_t* out) noexcept nogil:
    """The first value of a US or SS element (or one that a writer made UL, SL, a float or a text), read as unsigned."""
    cdef double number = 0
    cdef int form = BINARY if e.vr == letters(b"US") or e.vr == 0 else text_form(e.vr)
    if form <= TEXTS or form == FLOATS:
        if not first_decimal(p, e, big_endian, &number) or not -9e15 < number < 9e15:
            return False
        out[0] = <int64_t>number
        return True
    if (e.vr == letters(b"UL") or e.vr == letters(b"SL")) and e.length >= 4:
        out[0] = u32_at(p, big_endian)
        return True
    if e.length < 2:
        return False
    out[0] = u16_at(p, big_endian)
    return True
