from typing import Any

import numpy as np

class Plan:
    def __init__(
        self,
        kind: str,
        dtype: np.dtype[Any],
        source: int,
        target: int,
        *,
        slope: float = 1,
        intercept: float = 0,
        low: float = 0,
        high: float = 0,
        clamp_low: int = 0,
        clamp_high: int = 0,
        table: Any = None,
        steps: tuple[str, ...] = (),
    ) -> None: ...
    @property
    def kind(self) -> str: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def table(self) -> Any: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def slope(self) -> float: ...
    @property
    def intercept(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

def type_code(dtype: np.dtype[Any]) -> int: ...
def run(
    plan: Plan, source: Any, offset: int, n: int, target: Any, target_offset: int = 0, left: int = 0, right: int = 0
) -> None: ...
def unpack(
    source: Any,
    offset: int,
    first_bit: int,
    n: int,
    allocated: int,
    shift: int,
    stored: int,
    is_signed: bool,
    target: Any,
    target_bytes: int,
) -> None: ...
def swap(source: Any, offset: int, n: int, cell: int, target: Any) -> None: ...
def interleave(source: Any, offset: int, n: int, samples: int, cell: int, target: Any) -> None: ...
def expand_422(source: Any, offset: int, pixels: int, cell: int, target: Any) -> None: ...
def ybr_to_rgb(source: Any, n: int, cell: int, bits: int, target: Any, partial: bool = False) -> None: ...
def palette(
    source: Any,
    source_type: int,
    n: int,
    first: int,
    entries: int,
    table: Any,
    samples: int,
    entry_bytes: int,
    target: Any,
) -> None: ...
