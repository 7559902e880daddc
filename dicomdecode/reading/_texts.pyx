# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""From the bytes of a value to Python objects, and to the documented texts (PS3.5 6.2)."""
import datetime
import struct

# How one value of a binary VR is stored: format of `struct`, bytes.
cdef dict NUMBERS = {
    "US": ("H", 2), "SS": ("h", 2), "UL": ("I", 4), "SL": ("i", 4), "UV": ("Q", 8), "SV": ("q", 8),
    "FL": ("f", 4), "FD": ("d", 8), "OF": ("f", 4), "OD": ("d", 8), "AT": ("HH", 4),
}
cdef frozenset MULTI_BOTH = frozenset(("AE", "CS", "DS", "IS", "LO", "SH"))     # leading spaces are padding too
cdef frozenset MULTI_TRAILING = frozenset(("AS", "DA", "DT", "TM", "PN", "UC", "UI"))
cdef frozenset SINGLE = frozenset(("LT", "ST", "UT", "UR"))                     # a backslash is a character
cdef frozenset IN_CHARACTER_SET = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))    # PS3.5 6.1.2.3


def encodings_of(bytes value):
    """The value of Specific Character Set (0008,0005) -> one Python codec, or a list when code extensions are used."""
    cdef list terms = [term.strip() for term in value.decode("latin-1").rstrip(" \0").split("\\")]
    if len(terms) == 1:
        if terms[0] in ("", "ISO_IR 6", "ISO_IR 100", "ISO 2022 IR 6", "ISO 2022 IR 100"):
            return "latin-1"        # a superset of ISO_IR 6: bytes that the default set does not have stay visible
        if terms[0] in ("ISO_IR 192", "UTF-8"):
            return "utf-8"
    import warnings

    from pydicom.charset import convert_encodings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return convert_encodings(terms)
        except (LookupError, ValueError):       # no such character set: bytes stay visible
            return "latin-1"


cdef str decoded(str vr, bytes value, object encodings):
    if vr not in IN_CHARACTER_SET or value.isascii() and b"\x1b" not in value:
        return value.decode("latin-1")
    if isinstance(encodings, str):
        return value.decode(encodings, "replace")
    import warnings

    from pydicom.charset import decode_bytes
    from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return decode_bytes(value, encodings, PN_DELIMS if vr == "PN" else TEXT_VR_DELIMS)
        except (LookupError, ValueError):
            return value.decode("latin-1")


cdef list numbers(str vr, bytes value, bint big_endian):
    """All complete values; a cut last one is dropped."""
    form, size = NUMBERS[vr]
    cdef Py_ssize_t n = len(value) // size
    if vr == "AT":
        words = struct.unpack(f"{'>' if big_endian else '<'}{2 * n}H", value[:n * size])
        return [group << 16 | element for group, element in zip(words[::2], words[1::2], strict=True)]
    return list(struct.unpack(f"{'>' if big_endian else '<'}{n}{form}", value[:n * size]))


cdef list texts(str vr, bytes value, object encodings):
    cdef str text = decoded(vr, value, encodings)
    if vr in SINGLE:
        return [text.rstrip(" \0")]
    if vr in MULTI_BOTH:
        return [part.strip(" \0") for part in text.split("\\")]
    return [part.rstrip(" \0") for part in text.split("\\")]


cdef object typed_text(str vr, str text):
    """One text in the type of its VR; as it is where it breaks the rules of the VR."""
    if vr == "IS" or vr == "DS":
        if not text:
            return None
        try:
            return int(text) if vr == "IS" else float(text)
        except ValueError:
            pass
        try:
            return int(float(text)) if vr == "IS" and float(text).is_integer() else text
        except ValueError:
            return text
    if vr == "DA" and len(text) == 8 and text.isascii() and text.isdigit():
        try:
            return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            return text
    return text


def typed_of(str vr, bytes value, bint big_endian, object encodings):
    """A value in the type Python has for its VR; a list when there are several."""
    cdef list values
    if vr in MULTI_BOTH or vr in MULTI_TRAILING or vr in SINGLE:
        if b"\\" not in value:
            values = texts(vr, value, encodings)
            return typed_text(vr, values[0])
        values = [typed_text(vr, part) for part in texts(vr, value, encodings)]
    elif vr in NUMBERS:
        values = numbers(vr, value, big_endian)
    else:
        return value
    if not values:
        return None
    return values[0] if len(values) == 1 else values


cdef str shortest_float(double number, bint single):
    """The shortest text that reads back the same value, of a 32-bit float too."""
    if not single:
        return repr(number)
    import numpy as np

    return str(np.float32(number))


def text_of(str vr, bytes value, bint big_endian, object encodings):
    """A value as text: the table of `decode_dicom_data`."""
    if vr in MULTI_BOTH or vr in MULTI_TRAILING or vr in SINGLE:
        return "\\".join(texts(vr, value, encodings))
    if vr == "AT":
        return "\\".join([f"({n >> 16:04x},{n & 0xFFFF:04x})" for n in numbers(vr, value, big_endian)])
    if vr in ("FL", "FD", "OF", "OD"):
        return "\\".join([shortest_float(n, vr in ("FL", "OF")) for n in numbers(vr, value, big_endian)])
    if vr in NUMBERS:
        return "\\".join([str(n) for n in numbers(vr, value, big_endian)])
    return value.hex()
