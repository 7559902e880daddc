"""A file as a pydicom Dataset, without what pydicom says of its values."""

from __future__ import annotations

import io
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicomdecode.errors import MalformedError
from dicomdecode.reading._reading import ForkLock

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["read_dataset"]

#: Filters of warnings are the process's: two threads that put back what they found would leave the other's.
_QUIET = ForkLock()


def read_dataset(contents: bytes) -> Dataset:
    """Read a file with pydicom, which takes what is no DICOM as well.

    Raises
    ------
    MalformedError
        pydicom cannot.
    """
    import pydicom

    try:
        with _quiet():
            return pydicom.dcmread(io.BytesIO(contents), force=True)
    except MemoryError:
        raise
    except Exception as error:
        kind = type(error).__name__
    # Outside of the handler: the error of pydicom holds values, and would be the context of this one.
    raise MalformedError(f"pydicom cannot read the file: {kind}", code="not_for_pydicom")


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings, and nothing in pydicom's log of this thread."""
    me = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != me

    logger = logging.getLogger("pydicom")
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.addFilter(is_of_others)
        try:
            yield
        finally:
            logger.removeFilter(is_of_others)
