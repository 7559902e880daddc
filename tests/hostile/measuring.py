"""What a file costs whoever opens it: a call in a child, its CPU seconds, its memory, and how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import dicomdecode as dd

MB = 1 << 20


class Bomb(NamedTuple):
    """One attack.

    Attributes
    ----------
    verdict : {"refused", "decodes"}
        An error within 0.1 s of CPU and 64 MB above the input; or an array that is right to ask for, with no more
        memory than input, output and 64 MB.
    build : callable
        Makes what `call` gets; called in the parent.
    call : callable
        What the victim does.
    """

    verdict: str
    build: Callable[[], Any]
    call: Callable[[Any], Any]


#: A refusal that took longer is tried again, twice: what a busy machine adds is not the bomb's.
SOON = 0.1


def run(bomb: Bomb) -> dict[str, Any]:
    """One bomb in a child of its own; the CPU seconds are those of the call."""
    subject = bomb.build()
    size = len(subject) if isinstance(subject, bytes) and subject[128:132] == b"DICM" else 0
    give_back()
    before = _in_child(lambda: None)
    found = _in_child(lambda: bomb.call(subject))
    for _ in range(2):
        if found["end"] == "refused" and found["cpu"] > SOON:
            found = min(found, _in_child(lambda: bomb.call(subject)), key=lambda one: float(one["cpu"]))
    found["memory"] -= before["memory"]
    return found | {"input": size}


def give_back() -> None:
    """Give back what is free: a child of this process would use it, and seem to need no memory."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _in_child(work: Callable[[], Any]) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        import signal

        signal.alarm(60)
        outcome: dict[str, Any] = {}
        # Of the call alone: a child also pays for its pages of the parent.
        began = time.process_time()
        try:
            result = work()
            outcome = {"output": getattr(result, "nbytes", 0), "end": "decodes"}
        except dd.DicomError as error:
            outcome = {"end": "refused", "code": error.code}
        except IndexError as error:
            outcome = {"end": "refused", "code": type(error).__name__}
        except BaseException as error:
            outcome = {"end": f"{type(error).__name__}: {error}"[:200]}
        outcome["cpu"] = time.process_time() - began
        os.write(write_end, json.dumps(outcome).encode())
        os._exit(0)
    os.close(write_end)
    _, status, usage = os.wait4(child, 0)
    with os.fdopen(read_end) as told:
        outcome = json.loads(told.read() or '{"end": "killed", "cpu": 0}')
    if status:
        outcome["end"] = f"ended with status {status}"
    return outcome | {"memory": usage.ru_maxrss * 1024}
