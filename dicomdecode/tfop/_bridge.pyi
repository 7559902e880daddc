from typing import Any

from numpy.typing import DTypeLike, NDArray
from typing_extensions import Buffer

from dicomdecode.limits import Limits

def address() -> int: ...
def close() -> None: ...
def use_limits(limits: Limits) -> None: ...
def encoded_texts(contents: Buffer, tags: list[Any], tfio: bool) -> list[bytes]: ...
def direct_texts(contents: Buffer, tags: list[int]) -> list[bytes] | None: ...
def decode(
    contents: Buffer,
    *,
    dtype: DTypeLike = ...,
    color_dim: bool = False,
    on_error: str = "skip",
    scale: str = "preserve",
    values: str = "stored",
    color: str = "rgb",
    frame_dim: bool | None = None,
) -> tuple[NDArray[Any], bool]: ...
