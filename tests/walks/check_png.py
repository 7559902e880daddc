"""PNG frames: exact, cut after each byte, with flipped bits, and beside a header that says something else."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from dicomdecode.codecs.png import decode

import dicomdecode as dd
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain


@pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8), (3, 16)])
def test_frames(samples: int, bits: int, capfd: pytest.CaptureFixture[str]) -> None:
    a = picture(12, 17, samples, bits)
    stream = imagecodecs.png_encode(plain(a))
    assert np.array_equal(decoded(decode, stream, a)[0], a)
    check_cuts(decode, stream, a, end=12)  # the last chunk, IEND, which holds no pixel
    check_flips(decode, stream, a, capfd)
    check_disagreements(decode, stream, a)
    header = {"rows": 12, "columns": 17, "samples": samples, "bits_allocated": 8 * a.itemsize}
    frame = dd.decode_frame(stream, transfer_syntax="1.2.826.0.1.3680043.10.999.1", **header)
    assert np.array_equal(frame, a.squeeze())
