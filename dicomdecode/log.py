"""The logger `dicomdecode`, on which a skipped image says why. Nothing is printed unless the caller asks for it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["warn"]


@functools.cache
def _logger() -> Logger:
    """The logger, made when it has something to say: `logging` is not imported with the package."""
    import logging

    logger = logging.getLogger("dicomdecode")
    # Without a handler anywhere, `logging` would print warnings on stderr.
    logger.addHandler(logging.NullHandler())
    return logger


def warn(text: str) -> None:
    """Say what was skipped and why, at level WARNING; never with a value of the data set."""
    _logger().warning("%s", text)
