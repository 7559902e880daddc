from typing import Any

from numpy.typing import NDArray

from dicomdecode.pixels import Request
from dicomdecode.reading import DicomFile

def decode_plain(file: DicomFile, request: Request, lossy: bool) -> NDArray[Any] | None: ...
def finds_pixels(file: DicomFile) -> bool: ...
