"""Deflated frames, small ones by zlib and large ones by libdeflate: the same results and errors."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from dicomdecode.codecs import deflate
from dicomdecode.errors import MalformedError, TruncatedError
from tests.codecs.streams import picture, spec_of


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("side", [20, 300])
def test_frames(side: int) -> None:
    a = picture(side, side, 1, 12)
    spec, data = spec_of(a), a.tobytes()
    assert (len(data) >= deflate._LARGE) == (side == 300)
    for stream in (deflated(data), deflated(data) + b"\0", deflated(data + b"more than the frame")):
        out = np.zeros(len(data), "u1")
        deflate.decode(stream, spec, out)
        assert out.tobytes() == data
    out = np.zeros(len(data), "u1")
    with pytest.raises(TruncatedError, match=f"expected {len(data)}, found {len(data) - 7}") as caught:
        deflate.decode(deflated(data[:-7]), spec, out)
    assert caught.value.code == "frame_cut"
    with pytest.raises(TruncatedError):
        deflate.decode(deflated(data)[:-50], spec, out)
    with pytest.raises(MalformedError, match="inflated"):
        deflate.decode(b"\xff" * 100, spec, out)
