"""The process that decodes files for another one, which may kill it. `children` starts it and asks it.

    -> length, pickle     first a `Task`, then sources; from the parent, which is trusted
    <- length, JSON       an answer: {"shape", "dtype"} and the bytes of the array behind it, or {"error": ...}

What comes back may come from a process that a file has taken over. Therefore it is no pickle, and checked.
"""

from __future__ import annotations

import builtins
import json
import os
import pickle
import struct
import sys
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from dicomdecode import errors
from dicomdecode.batch.crew import Job, Work

__all__ = ["LENGTH", "Task", "answer_of", "error_of", "serve"]

LENGTH = struct.Struct("<Q")
_READY: dict[str, Any] = {"ready": True}
_WHERE = ("message", "code", "tag", "offset", "frame", "hint")


@dataclass(frozen=True)
class Task:
    """What a child does with each source that follows.

    Attributes
    ----------
    work : callable
        Job -> array.
    address_space : int
        Bytes that it may map besides those it has when it begins; where the system knows such a limit.
    """

    work: Work
    address_space: int


def serve() -> None:
    """Answer until the input ends. What libraries print is kept out of the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    questions = sys.stdin.buffer
    task: Task = _question(questions)
    _limit_address_space(task.address_space)
    _send(answers, _READY)
    while (source := _question(questions)) is not None:
        try:
            array = task.work(Job(0, source))
        except Exception as error:
            _send(answers, {"error": _told(error)})
            continue
        _send(answers, {"shape": array.shape, "dtype": array.dtype.name}, np.ascontiguousarray(array))
        del array


def _question(file: IO[bytes]) -> Any:
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return pickle.loads(file.read(LENGTH.unpack(head)[0]))


def _send(file: IO[bytes], answer: dict[str, Any], array: Any = b"") -> None:
    text = json.dumps(answer).encode()
    file.write(LENGTH.pack(len(text)) + text)
    file.write(memoryview(array).cast("B"))
    file.flush()


def _limit_address_space(more: int) -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):
        return  # this system has no such limit, or does not tell
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = mapped + more if hard == resource.RLIM_INFINITY else min(mapped + more, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _told(error: Exception) -> dict[str, Any]:
    """An exception as JSON."""
    kind = type(error).__name__
    if isinstance(error, errors.DicomError):
        return {"kind": kind, **{name: getattr(error, name) for name in _WHERE}}
    if isinstance(error, OSError) and error.errno is not None:
        name = error.filename
        return {
            "kind": kind,
            "arguments": [error.errno, error.strerror],
            "filename": os.fsdecode(name) if isinstance(name, bytes) else name,
        }
    return {"kind": kind, "arguments": [str(error)]}


def error_of(told: dict[str, Any]) -> Exception:
    """The exception of an answer.

    Raises
    ------
    LookupError, TypeError, ValueError
        The answer is damaged.
    """
    kind = str(told["kind"])
    if "code" in told:
        known = getattr(errors, kind)
        if not issubclass(known, errors.DicomError):
            raise ValueError("no error of this package")
        error: Exception = known(told["message"], **{name: told[name] for name in _WHERE[1:]})
        return error
    found = getattr(builtins, kind, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        found = RuntimeError
    arguments = [*told["arguments"], told["filename"]] if told.get("filename") else told["arguments"]
    error = found(*arguments)
    return error


def answer_of(file: IO[bytes]) -> dict[str, Any] | None:
    """The next answer; None where the child has ended.

    Raises
    ------
    ValueError
        What comes is no answer.
    """
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    if size > 1 << 20:
        raise ValueError("an answer of this length")
    answer = json.loads(file.read(size))
    if not isinstance(answer, dict):
        raise ValueError("an answer that is no object")
    return answer
