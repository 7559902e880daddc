from dicomdecode.codecs._spec import FrameSpec

def decode(
    data: object,
    spec: FrameSpec,
    out: object,
    reduce: int = 0,
    region: tuple[int, int, int, int] | None = None,
) -> bool | None: ...
def choose(decoder: str) -> None: ...
