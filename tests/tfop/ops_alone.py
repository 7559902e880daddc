"""Runs the kernels of the ops over fake_tensorflow.c, and compares them with the Python functions.

python -m tests.tfop.ops_alone STAND_IN.so PART
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import dicomdecode as dd
from dicomdecode.tfop import _bridge
from dicomdecode.tfop.options import write_options
from tests.hostile import mutants
from tests.test_robustness import FILES
from tests.tfop.core import Error, Image

#: NumPy's types -> TF_DataType.
TYPES = {"uint8": 4, "int16": 5, "uint16": 17, "float32": 1, "float64": 2, "float16": 19, "int64": 9}
STRING, MESSAGE_BYTES = 7, 600


class Tensor(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("rank", ctypes.c_int),
        ("users", ctypes.c_int),
        ("dims", ctypes.c_int64 * 16),
        ("bytes", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
    )


class String(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("unused", ctypes.c_size_t))


POINTER = ctypes.POINTER(Tensor)
CHARS, ANY, SIZE = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t


class Core(ctypes.Structure):
    """dd_core of bridge.h."""

    _fields_ = (
        ("version", ctypes.c_uint32),
        ("open", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, CHARS, SIZE, ANY, ctypes.POINTER(Error))),
        ("close", ctypes.CFUNCTYPE(None, ANY)),
        ("prepare", ctypes.CFUNCTYPE(ctypes.c_int, ANY, ANY, SIZE, ctypes.POINTER(Image), ctypes.POINTER(Error))),
        ("fill", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Image), ANY, ctypes.POINTER(Error))),
        ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Image))),
        ("texts", ANY),
    )


class Ops:
    """The library of the ops, loaded over a stand-in for TensorFlow."""

    def __init__(self, stand_in: str) -> None:
        self.fake = fake = ctypes.CDLL(stand_in, mode=ctypes.RTLD_GLOBAL)
        fake.fake_create.restype = ctypes.c_void_p
        fake.fake_end.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        fake.fake_strings.restype = fake.fake_numbers.restype = POINTER
        fake.fake_compute.argtypes = [ctypes.c_char_p, ctypes.c_void_p, POINTER, POINTER, *[ctypes.c_void_p] * 2]
        fake.TF_DeleteTensor.argtypes = [POINTER]
        folder = Path(dd.__file__).parent / "tfop"
        names = [f"_ops{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
        library = ctypes.CDLL(str(next(folder / name for name in names if (folder / name).exists())))
        library.dicomdecode_problem.restype = ctypes.c_char_p
        library.dicomdecode_attach.argtypes = [ctypes.c_void_p]
        assert library.dicomdecode_problem() == b"", library.dicomdecode_problem()
        self.attach = library.dicomdecode_attach
        assert self.attach(_bridge.address()) == 0

    @contextmanager
    def kernel(self, op: str, dtype: str = "uint16", options: str = "", **batch: int) -> Iterator[ctypes.c_void_p]:
        message = ctypes.create_string_buffer(MESSAGE_BYTES)
        words = (options.encode(), batch.get("samples", 0), batch.get("is_strict", 0))
        found = self.fake.fake_create(op.encode(), TYPES[dtype], *words, message)
        if not found:
            raise ValueError(message.value.decode())
        try:
            yield ctypes.c_void_p(found)
        finally:
            self.fake.fake_end(op.encode(), found)

    def strings(self, values: list[bytes], rank: int) -> Any:
        data = (ctypes.c_char_p * max(1, len(values)))(*values)
        sizes = (ctypes.c_size_t * max(1, len(values)))(*map(len, values))
        return self.fake.fake_strings(data, sizes, ctypes.c_int64(len(values)), rank)

    def numbers(self, values: list[int]) -> Any:
        return self.fake.fake_numbers((ctypes.c_uint32 * len(values))(*values), ctypes.c_int64(len(values)))

    def run(self, op: str, kernel: ctypes.c_void_p, first: Any, second: Any = None) -> list[Any]:
        """The outputs as arrays.

        Raises
        ------
        ValueError
            The op failed.
        """
        outputs = (POINTER * 2)()
        message = ctypes.create_string_buffer(MESSAGE_BYTES)
        code = self.fake.fake_compute(op.encode(), kernel, first, second, outputs, message)
        found = [_array_of(output.contents) for output in outputs if output]
        for output in outputs:
            if output:
                self.fake.TF_DeleteTensor(output)
        if code:
            raise ValueError(message.value.decode())
        return found


def _array_of(tensor: Tensor) -> np.ndarray:
    shape = list(tensor.dims[: tensor.rank])
    if tensor.type == STRING:
        strings = (String * int(np.prod(shape, dtype=int))).from_address(tensor.data)
        return np.array([ctypes.string_at(s.data, s.size) for s in strings], object).reshape(shape)
    dtype = next(name for name, number in TYPES.items() if number == tensor.type)
    return np.frombuffer(ctypes.string_at(tensor.data, tensor.bytes), dtype).reshape(shape)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (ValueError, IndexError) as error:
        return str(error)


def assert_same(found: Any, expected: Any) -> None:
    assert isinstance(found, str) == isinstance(expected, str), (found, expected)
    if not isinstance(found, str):
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def images(ops: Ops, files: list[bytes]) -> int:
    """Each file by each op for images, and in Python."""
    choices = itertools.product(("stored", "display", "tfio"), ("skip", "strict"), ("uint16", "float32"))
    for values, on_error, dtype in choices:
        keywords = {"values": values, "on_error": on_error}
        for op in ("DecodeDicomImage", "DecodeDicomImageOrWhy"):
            with ops.kernel(op, dtype, write_options(**keywords)) as kernel:
                for contents in files:
                    found = outcome(lambda: ops.run(op, kernel, ops.strings([contents], 0)))  # noqa: B023
                    expected = outcome(lambda: dd.decode_dicom_image(contents, dtype=dtype, **keywords))  # noqa: B023
                    if op.endswith("OrWhy") and not isinstance(found, str):
                        found = found[1][()].decode() or found[:1]
                    assert_same(found if isinstance(found, str) else found[0], expected)
    return len(files)


def batches(ops: Ops, files: list[bytes]) -> int:
    """All files at once: cells one behind the other."""
    options = write_options(values="stored", on_error="skip", frame_dim=True, color_dim=True)
    for samples in (0, 1, 3):
        with ops.kernel("DecodeDicomBatch", "uint16", options, samples=samples) as kernel:
            cells, sizes = ops.run("DecodeDicomBatch", kernel, ops.strings(files, 1))
            assert cells.size == sizes.prod(axis=1).sum()
        at = 0
        for contents, size in zip(files, sizes, strict=True):
            one = dd.decode_dicom_image(
                contents, values="stored", on_error="skip", frame_dim=True, color_dim=True, dtype="uint16"
            )
            if one.ndim == 4 and samples in (0, one.shape[3]):
                np.testing.assert_array_equal(cells[at : at + one.size].reshape(size), one)
                at += one.size
            else:
                assert not size.any()
        assert at == cells.size
    return len(files)


def texts(ops: Ops, files: list[bytes]) -> int:
    """Tags as numbers and as they are written."""
    tags = [0x00100010, 0x00280010, 0x00080008, 0x00281050]
    for op in ("DecodeDicomData", "DecodeDicomDataAsTfio"):
        with ops.kernel(op) as kernel:
            for contents in files:
                one = outcome(lambda: ops.run(op, kernel, ops.strings([contents], 0), ops.numbers(tags))[0])  # noqa: B023
                names = [f"{tag:08x}".encode() for tag in tags]
                other = outcome(lambda: ops.run(op, kernel, ops.strings([contents], 0), ops.strings(names, 1))[0])  # noqa: B023
                if op == "DecodeDicomData":
                    assert_same(one, other)
                    expected = outcome(lambda: dd.decode_dicom_data(contents, tags).astype(object))  # noqa: B023
                    if not isinstance(one, str):
                        assert [text.decode() for text in one] == list(expected)
    return len(files)


def shapes(ops: Ops, files: list[bytes]) -> int:
    """A core that breaks its word: a shape that cannot be, or another one although it had said that none would come."""
    given: dict[str, Any] = {"dims": [2, 2, 2, 1], "bytes": 16, "released": 0}

    def prepare(request: Any, contents: Any, size: int, image: Any, error: Any) -> int:
        dims = given["dims"]
        image[0] = Image(len(dims), (ctypes.c_int64 * 4)(*dims), given["bytes"], 0, None)
        return 0

    def release(image: Any) -> None:
        given["released"] += 1

    of = dict(Core._fields_)
    core = Core(
        version=2,
        open=of["open"](lambda *arguments: 0),
        close=of["close"](lambda request: None),
        prepare=of["prepare"](prepare),
        fill=of["fill"](lambda image, out, error: 1),  # DD_AGAIN
        release=of["release"](release),
    )
    assert ops.attach(ctypes.addressof(core)) == 0
    wrong = [{"dims": [2, 2, 2, 1], "bytes": 16}]
    wrong += [{"dims": [2, 2, 2, 1], "bytes": 18}, {"dims": [-1], "bytes": 0}, {"dims": [1 << 62, 8], "bytes": 0}]
    ranks = {"DecodeDicomImage": 0, "DecodeDicomImageOrWhy": 0, "DecodeDicomBatch": 1}
    for op, rank in ranks.items():
        for shape in wrong:
            given |= shape
            with ops.kernel(op) as kernel:
                found = outcome(lambda: ops.run(op, kernel, ops.strings([b"file"], rank)))  # noqa: B023
            assert found == "the decoder gave an impossible shape", (op, shape, found)
    assert given["released"] == len(ranks) * len(wrong)
    return len(wrong)


def main(stand_in: str, part: str) -> None:
    ops = Ops(stand_in)
    files = list(FILES.values())
    if part == "damage":
        files = [damaged for whole in files for damaged in mutants.mutants(mutants.named(whole), 2, 3)]
    parts = {"images": images, "batches": batches, "texts": texts, "damage": images, "shapes": shapes}
    done = parts[part](ops, files)
    print(f"{done} files compared")


if __name__ == "__main__":
    main(*sys.argv[1:])
