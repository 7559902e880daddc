from typing import Any

from numpy.typing import NDArray

from dicomdecode.pixels import Request
from dicomdecode.reading import DataSet, DicomFile

def decode_plain(file: DicomFile, request: Request, lossy: bool) -> NDArray[Any] | None: ...
def finds_pixels(file: DicomFile) -> bool: ...
def is_first_empty(data: DataSet, tag: int) -> bool: ...
