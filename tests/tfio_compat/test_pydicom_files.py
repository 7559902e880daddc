"""values="tfio" of files that come with pydicom."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests.tfio_compat.test_image import tfio


def test_ct() -> None:
    """16 bits signed, intercept -1024: 17 bits, [-33792, 31743] over 2^17 values: doubled from -33792."""
    path = pydicom.data.get_testdata_file("CT_small.dcm")
    stored = dd.imread(path, values="stored").astype(np.int64)
    np.testing.assert_array_equal(tfio(path, np.uint32)[0, ..., 0], (stored - 1024 + 33792) * 2)
    assert tfio(path, on_error="skip").shape == (0,)


def test_mr() -> None:
    path = pydicom.data.get_testdata_file("MR_small.dcm")
    stored = dd.imread(path, values="stored").astype(np.int64)
    for name in ("MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm"):
        found = tfio(pydicom.data.get_testdata_file(name))
        np.testing.assert_array_equal(found[0, ..., 0], stored + 32768)


def test_truncated() -> None:
    path = pydicom.data.get_testdata_file("MR_truncated.dcm")
    with pytest.raises(dd.TruncatedError):
        tfio(path)
    assert tfio(path, on_error="lossy").shape == (1, 64, 64, 1)
