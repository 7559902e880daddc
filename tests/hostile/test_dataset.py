"""`image.dataset` is pydicom's: it comes in silence, or not at all."""

from __future__ import annotations

import logging
import threading
import warnings

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

PIXELS = np.zeros((4, 4), np.uint16)
#: What pydicom warns of while it reads, with the value.
ODD = s.image(PIXELS, extra=[(0x00020012, "UI", "Zq8KjV7w"), (0x00080005, "CS", "Zq8KjV7w")])
#: A sequence that does not end: its file opens here.
CUT = s.dataset(
    [(0x00080005, "CS", ""), s.header(0x00081140, "SQ", s.UNDEFINED, s.LITTLE) + s.tag_bytes(0xFFFEE000) + b"\xff" * 4]
)


def test_what_pydicom_cannot_read() -> None:
    image = dd.open(CUT)
    with pytest.raises(dd.MalformedError) as caught:
        _ = image.dataset
    assert caught.value.code == "not_for_pydicom" and caught.value.__context__ is None


def test_silence_of_this_thread_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="pydicom")
    before = list(warnings.filters)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(20):
            if dd.open(ODD).dataset.Rows != 4:
                wrong.append("rows")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        logging.getLogger("pydicom").warning("mine")
    for thread in threads:
        thread.join()
    assert not wrong and warnings.filters == before
    assert {record.message for record in caplog.records if record.name == "pydicom"} == {"mine"}
    assert len(caplog.records) == 20 and not logging.getLogger("pydicom").filters
