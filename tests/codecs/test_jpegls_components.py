"""JPEG-LS components of sizes of their own (T.81 A.1.1)."""

import numpy as np
import pytest

from dicomdecode.codecs import jpegls
from dicomdecode.errors import TruncatedError
from tests.codecs import jpegls_encoder
from tests.codecs.jpegls_encoder import LINE, NONE, SAMPLE, Parameters
from tests.codecs.streams import decoded, picture


@pytest.mark.parametrize("near", [0, 3])
@pytest.mark.parametrize(
    "factors, scans, interleave",
    [
        ([(2, 4), (2, 1), (1, 2)], [[0, 1, 2]], LINE),  # as the streams T8SSE0 and T8SSE3 of T.87
        ([(2, 2), (1, 1), (1, 1)], [[0, 1, 2]], LINE),
        ([(2, 1), (1, 1), (1, 1)], [[0], [1], [2]], NONE),
        ([(2, 1), (1, 1), (1, 1)], [[0], [2, 1]], SAMPLE),
        ([(3, 2), (2, 3), (1, 1)], [[2], [1, 0]], LINE),
        ([(2, 2), (2, 2), (2, 2)], [[0, 1, 2]], LINE),
    ],
)
@pytest.mark.parametrize("rows, columns", [(16, 24), (13, 7), (1, 1)])
def test_subsampled_components(factors, scans, interleave, rows, columns, near):
    """Sizes by T.81 A.1.1; in a scan by line an MCU is Vi lines of each component. Samples are repeated."""
    most = [max(axis) for axis in zip(*factors, strict=True)]
    planes = [
        picture(-(-rows * v // most[1]), -(-columns * h // most[0]), seed=h + v)[..., 0].astype(int) for h, v in factors
    ]
    stream, held = jpegls_encoder.encode_subsampled(
        planes, (rows, columns), factors, Parameters(255, near), scans, interleave
    )
    y, x = np.mgrid[:rows, :columns]
    want = [plane[y * v // most[1], x * h // most[0]] for plane, (h, v) in zip(held, factors, strict=True)]
    like = np.stack(want, axis=2).astype(np.uint8)
    assert np.array_equal(decoded(jpegls.decode, stream, like)[0], like)
    with pytest.raises(TruncatedError):
        decoded(jpegls.decode, stream[:-4], like)
