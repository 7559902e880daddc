from collections.abc import Callable

from dicomdecode.codecs._spec import FrameSpec

class OpenJPEG:
    version: str

    def __init__(self, library: object, address: Callable[[str], int], version: str) -> None: ...
    def decode(
        self,
        data: object,
        spec: FrameSpec,
        out: object,
        reduce: int = 0,
        region: tuple[int, int, int, int] | None = None,
    ) -> bool: ...
