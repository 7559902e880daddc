from typing import Any

from dicomdecode.codecs._spec import FrameSpec

def decode(data: Any, spec: FrameSpec, out: Any) -> str: ...
