"""The errors that several codecs raise, with the name of the transfer syntax in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomdecode.errors import MalformedError, TruncatedError, UnsupportedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["check_layout", "cut", "library_error", "malformed", "unsupported"]


def malformed(
    text: str,
    code: str,
    spec: FrameSpec,
    offset: int | None = None,
    *,
    tag: int | None = None,
    frame: int | None = None,
) -> MalformedError:
    """A stream that contradicts its standard or the header; `frame` where that is not `spec.frame`."""
    where = spec.frame if frame is None else frame
    return MalformedError(f"{name_of(spec.syntax)}: {text}", code=code, tag=tag, offset=offset, frame=where)


def unsupported(what: str, code: str, spec: FrameSpec) -> UnsupportedError:
    """A stream of a kind that nothing here decodes."""
    return UnsupportedError(f"{name_of(spec.syntax)}: no decoder for {what}", code=code, frame=spec.frame)


def cut(spec: FrameSpec, offset: int) -> TruncatedError:
    """A stream that ends too early."""
    return TruncatedError(
        f"{name_of(spec.syntax)}: the stream ends too early", code="stream_cut", offset=offset, frame=spec.frame
    )


def check_layout(
    spec: FrameSpec,
    *,
    rows: int,
    columns: int,
    components: int | None = None,
    precision: int | None = None,
    item_bits: int = 64,
    frame: int | None = None,
) -> None:
    """Raise MalformedError, naming both, when a stream and the header disagree; None is what the stream does not say.

    `item_bits` is how many bits the result has for a sample: no more may be needed.
    """
    if rows != spec.rows:
        raise malformed(_differs("rows", spec.rows, rows), "stream_rows", spec, tag=0x00280010, frame=frame)
    if columns != spec.columns:
        text = _differs("columns", spec.columns, columns)
        raise malformed(text, "stream_columns", spec, tag=0x00280011, frame=frame)
    if components is not None and components != spec.samples:
        text = _differs("components", spec.samples, components)
        raise malformed(text, "stream_components", spec, tag=0x00280002, frame=frame)
    if precision is not None and not 1 <= precision <= item_bits:
        text = f"bits of a sample of the stream: expected at most {item_bits}, found {precision}"
        raise malformed(text, "stream_precision", spec, tag=0x00280100, frame=frame)


def _differs(what: str, expected: int, found: int) -> str:
    return f"{what} of the stream: expected {expected}, found {found}"


def library_error(error: BaseException, spec: FrameSpec) -> MalformedError:
    """What a codec library raised, as an error of ours; its text holds nothing of the data set."""
    text = " ".join(str(error).split())[:120]
    return malformed(f"the stream cannot be decoded ({text})", "stream_damaged", spec)
