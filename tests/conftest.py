"""A skipped test must be on this list, with its reason; every other skip is a failure."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

#: How a reason may begin -> why a test may be skipped for it.
ALLOWED_SKIPS = {
    "conformance kit:": "the kit of real files lies beside the checkout and is no part of the project",
    "tensorflow:": "an optional library",
    "DCMTK:": "its tools are no dependency, and no Python package",
    "av:": "an optional library, whose wheel holds GPL encoders",
    "export:": "the libraries of the formats are optional",
    "cluster:": "dask is optional",
    "volumes:": "the libraries that a volume can be handed on to are optional",
    "highdicom:": "a library that only this comparison needs",
    "matplotlib:": "an optional library",
    "ipywidgets:": "an optional library",
    "nbclient:": "it comes with the tools of the documentation",
    "dask:": "an optional library",
    "torch:": "an optional library",
    "pandas:": "an optional library",
    "pyarrow:": "an optional library",
    "polars:": "an optional library",
    "fsspec:": "an optional library",
    "s3fs:": "an optional library",
    "gcsfs:": "an optional library",
    "moto": "an optional library",
    "aiohttp:": "an optional library",
    "tqdm:": "an optional library",
    "plugin host:": "an optional library, which its plugin is for",
    "setuptools:": "only a build needs it",
    "platform:": "the operating system has no such thing",
}

# The suite is the same in each run. What a longer search finds becomes an example of the test that it failed.
settings.register_profile("suite", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("brief", settings.get_profile("suite"), max_examples=20)
settings.register_profile("thorough", max_examples=1500, deadline=None, print_blob=True)
settings.load_profile("suite")

# A shell without job control starts what runs in the background with the signal of Ctrl-C ignored, by its children too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _check(report: Any) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(tuple(ALLOWED_SKIPS)):
            report.outcome = "failed"
            report.longrepr = f"skipped for a reason that is not on the list in tests/conftest.py: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    outcome: Any = yield
    _check(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    outcome: Any = yield
    _check(outcome.get_result())


@pytest.fixture
def quiet() -> Iterator[None]:
    """The warnings of skipped images, which a test expects by the hundred, are not logged."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], None]]:
    """The library prints nothing, not from C either; checked at the end, and when called."""

    def check() -> None:
        captured = capfd.readouterr()
        assert captured.out == ""
        assert captured.err == ""

    yield check
    check()
