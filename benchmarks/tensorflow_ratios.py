"""Prints what the TensorFlow ops must reach, as ratios measured in one run.

    python benchmarks/tensorflow_ratios.py              all of them
    python benchmarks/tensorflow_ratios.py eager exit   those of a group that holds one of the words
    python benchmarks/tensorflow_ratios.py --json

What is compared takes turns, as in ratios.py, but by the clock: the time of a pipeline is that of its threads. Small
eager calls, which run in the caller's thread, are measured by the time of the processor.
"drop-in" is dicomdecode.tfio, the others are dicomdecode.tensorflow. tensorflow-io is measured where it is installed,
which is an environment of TensorFlow 2.16 with Python 3.11 at most; where it is not, that is said:

    python3.11 -m venv .venv-216
    .venv-216/bin/pip install . imagecodecs 'tensorflow-cpu==2.16.2' 'tensorflow-io==0.37.1' 'numpy<2'
    .venv-216/bin/python benchmarks/tensorflow_ratios.py
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from benchmarks.ratios import Figure, measure_groups  # noqa: E402

# Set by `load`: asv, which imports everything in this folder, need not have them.
tf: Any = None
dtf: Any = None
ours_as_theirs: Any = None
tensorflow_io: Any = None


def load() -> None:
    """Import TensorFlow, and tensorflow-io where it is installed."""
    global tf, dtf, ours_as_theirs, tensorflow_io
    import tensorflow as tf

    import dicomdecode.tensorflow as dtf
    from dicomdecode import tfio as ours_as_theirs

    try:
        import tensorflow_io
    except Exception as error:  # it is built for one TensorFlow, and says so in many ways
        print(f"without tensorflow-io ({type(error).__name__}): it needs TensorFlow 2.16", file=sys.stderr)


Work = Callable[[], Any]
Clock = Callable[[], float]
ROUNDS = 15


def compare(
    name: str,
    ours: Work,
    theirs: Work,
    against: str,
    bound: float,
    seconds: float = 0.02,
    clock: Clock = time.perf_counter,
) -> Figure:
    """Medians; each sample takes about `seconds`."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    numbers = {}
    for who, work in (("ours", ours), ("theirs", theirs)):
        work()
        numbers[who] = max(1, round(seconds / max(min(_clocked(work, 1, clock) for _ in range(3)), 1e-7)))
    for i in range(ROUNDS):
        for who, work in (("ours", ours), ("theirs", theirs))[:: 1 if i % 2 else -1]:
            times[who].append(_clocked(work, numbers[who], clock))
    ratio = statistics.median(a / b for a, b in zip(times["ours"], times["theirs"], strict=True))
    return Figure(name, statistics.median(times["ours"]), statistics.median(times["theirs"]), against, ratio, bound)


def _clocked(work: Work, number: int, clock: Clock) -> float:
    start = clock()
    for _ in range(number):
        work()
    return (clock() - start) / number


def _same(a: Any, b: Any) -> None:
    assert np.array_equal(np.asarray(a).reshape(-1), np.asarray(b).reshape(-1)), "the results differ"


def eager() -> Iterator[Figure]:
    tiny = samples.image(samples.picture(8, 8, 8))
    png = tf.io.encode_png(samples.picture(8, 8, 8)[0][..., None])
    contents = tf.constant(tiny)
    _same(dtf.decode_dicom_image(contents, dtype=tf.uint8), tf.io.decode_png(png))

    def theirs() -> Any:
        return tf.io.decode_png(png)

    yield compare(
        "eager, 8x8",
        lambda: dtf.decode_dicom_image(contents),
        theirs,
        "tf.io.decode_png",
        1.0,
        clock=time.process_time,
    )
    # It has a second output, the text of an error.
    yield compare(
        "eager, 8x8, strict",
        lambda: dtf.decode_dicom_image(contents, on_error="strict"),
        theirs,
        "tf.io.decode_png",
        1.5,
        clock=time.process_time,
    )


def xray() -> Iterator[Figure]:
    if tensorflow_io is None:
        return
    contents = tf.constant(samples.xray())

    def theirs() -> Any:
        return tensorflow_io.image.decode_dicom_image(contents)

    for name, work in (
        ("X-ray 1024x1024, eager", lambda: dtf.decode_dicom_image(contents)),
        ("X-ray 1024x1024, eager, drop-in", lambda: ours_as_theirs.image.decode_dicom_image(contents)),
    ):
        _same(work(), theirs())
        yield compare(name, work, theirs, "tensorflow-io", 1 / 50)


def pipeline() -> Iterator[Figure]:
    """One image through tf.data with two parallel calls."""
    contents = tf.constant(samples.xray())

    def through(decode: Callable[[Any], Any], count: int) -> Work:
        files = tf.data.Dataset.from_tensors(contents).repeat(count)
        images = files.map(decode, num_parallel_calls=2).prefetch(2)

        def run() -> None:
            for _ in images:
                pass

        return run

    def by_numpy(x: Any) -> Any:
        return tf.numpy_function(dd.decode_dicom_image, [x], tf.uint16)

    def each(figure: Figure, counts: tuple[int, int]) -> Figure:
        ours, theirs = (t / n for t, n in zip((figure.ours, figure.theirs), counts, strict=True))
        ratio = figure.ratio * counts[1] / counts[0]
        return Figure(figure.name, ours, theirs, figure.against, ratio, figure.bound)

    work, count = through(dtf.decode_dicom_image, 1000), 1000
    name = "X-ray 1024x1024, tf.data with two parallel calls"
    yield each(compare(name, work, through(by_numpy, 500), "tf.numpy_function", 1 / 2), (count, 500))
    if tensorflow_io is not None:
        theirs = through(tensorflow_io.image.decode_dicom_image, 10)
        yield each(compare(name, work, theirs, "tensorflow-io", 1 / 30), (count, 10))
        shim = through(ours_as_theirs.image.decode_dicom_image, 500)
        yield each(compare(f"{name}, drop-in", shim, theirs, "tensorflow-io", 1 / 30), (500, 10))


def two_calls(what: str, contents: bytes, count: int, **options: Any) -> Figure:
    """A pipeline of one file, again and again, by two parallel calls against one."""
    files = tf.data.Dataset.from_tensors(tf.constant(contents)).repeat(count)

    def through(calls: int) -> Work:
        images = files.map(lambda x: dtf.decode_dicom_image(x, **options), num_parallel_calls=calls).prefetch(2)

        def run() -> None:
            for _ in images:
                pass

        return run

    return compare(f"{what}, two parallel calls", through(2), through(1), "one", 1 / 1.8)


def display() -> Iterator[Figure]:
    """A CT with a window, through tf.data; tells something on two idle processors."""
    window = [samples.element(0x00281050, "DS", "40"), samples.element(0x00281051, "DS", "400")]
    slope = [samples.element(0x00281052, "DS", "-1024"), samples.element(0x00281053, "DS", "1")]
    cells = samples.picture(512, 512, 12, 8)
    for name, contents in (
        ("native", samples.image(cells, bits_stored=12, extra=[*window, *slope])),
        (
            "RLE",
            samples.image(
                cells,
                bits_stored=12,
                syntax=samples.RLE,
                frames=[samples.rle_frame(frame) for frame in cells],
                extra=[*window, *slope],
            ),
        ),
    ):
        yield two_calls(f"display of 8 frames of CT, {name}", contents, 300, values="display", dtype=tf.uint8)


def own() -> Iterator[Figure]:
    """Our own decoders of wavelets and JPEG-LS, through tf.data; tells something on two idle processors.

    To start a pipeline takes 2 ms, which no call does: frames for a quarter of a second hide that.
    """
    for codec, count in (("JPEG 2000", 16), ("HTJ2K", 128), ("JPEG-LS", 48)):
        contents = samples.compressed(f"{codec}, 2048x2048, 12 bits", 1024)[0]
        yield two_calls(f"{codec} 1024x1024, 12 bits", contents, count)


def batch() -> Iterator[Figure]:
    """Several files in one ragged tensor, against an op for each of them."""
    files = tf.constant([samples.image(samples.picture(512, 512, 12), bits_stored=12)] * 16)

    @tf.function
    def ours() -> Any:
        return dtf.decode_dicom_batch(files, samples=1)

    @tf.function
    def theirs() -> Any:
        spec = tf.RaggedTensorSpec([None, None], tf.uint16, ragged_rank=1)
        return tf.map_fn(
            lambda x: tf.RaggedTensor.from_tensor(dtf.decode_dicom_image(x)), files, fn_output_signature=spec
        )

    _same(ours().flat_values, theirs().flat_values)
    yield compare("batch of 16 images 512x512, ragged", ours, theirs, "tf.map_fn", 1 / 3)


def codecs() -> Iterator[Figure]:
    if tensorflow_io is None:
        return
    for name, contents, bound in (
        ("lossless JPEG", samples.compressed("lossless JPEG, 2048x2048, 12 bits", 1024, 1)[0], 1 / 2),
        ("RLE", samples.rle(1024, 16)[0], 1 / 2),
        ("JPEG 2000", samples.compressed("JPEG 2000, 2048x2048, 12 bits", 1024, 1)[0], 1 / 1.8),
    ):
        file = tf.constant(contents)

        def theirs(file: Any = file) -> Any:
            return tensorflow_io.image.decode_dicom_image(file)

        def ours(file: Any = file) -> Any:
            return dtf.decode_dicom_image(file)

        def shim(file: Any = file) -> Any:
            return ours_as_theirs.image.decode_dicom_image(file)

        _same(ours(), theirs())
        _same(shim(), theirs())
        yield compare(f"{name} 1024x1024, eager", ours, theirs, "tensorflow-io", bound)
        yield compare(f"{name} 1024x1024, eager, drop-in", shim, theirs, "tensorflow-io", bound)


def memory() -> Iterator[Figure]:
    """100,000 calls of which every other fails: skipped, or raising."""
    contents = samples.rle(64, 16)[0]
    good, bad = tf.constant(contents), tf.constant(contents[:-2000])

    def skipped() -> None:
        assert dtf.decode_dicom_image(bad).shape == (0,)

    def strict() -> None:
        try:
            dtf.decode_dicom_image(bad, on_error="strict")
        except tf.errors.InvalidArgumentError:
            return
        raise AssertionError("it did not fail")

    def growth(fails: Work, count: int = 100_000) -> float:
        def calls(count: int) -> float:
            for _ in range(count // 2):
                dtf.decode_dicom_image(good)
                fails()
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = calls(2000)
        return max(0.0, calls(count) - before)

    if not os.path.exists("/proc/self/statm"):
        print("memory is measured on Linux only", file=sys.stderr)
        return
    for name, fails in (("skipped", skipped), ("raising", strict)):
        grown = growth(fails)
        yield Figure(f"100,000 calls, half of them {name}: growth", grown, 10e6, "allowed", grown / 10e6, 1.0, "bytes")


_EXIT = """
import logging; logging.disable(logging.WARNING)
import sys, time
import tensorflow as tf, dicomdecode.tensorflow as dtf
contents = open(sys.argv[1], "rb").read()
files = tf.data.Dataset.from_tensors(contents).repeat()
it = iter(files.map(lambda x: dtf.decode_dicom_image(x), num_parallel_calls=4).prefetch(64))
assert next(it).shape == (512, 512, 3)
print(time.time(), flush=True)
"""


def leaving() -> Iterator[Figure]:
    """A process ends while a pipeline over baseline JPEG, which needs Python, is in flight."""
    contents, _ = samples.compressed("JPEG, 1024x1024 RGB", 512, 1)
    spent = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.dcm")
        with open(path, "wb") as file:
            file.write(contents)
        for _ in range(20):
            code = f"import sys; sys.path.append({ROOT!r})\n{_EXIT}"
            done = subprocess.run([sys.executable, "-P", "-c", code, path], capture_output=True, text=True, timeout=120)
            end = time.time()
            assert done.returncode == 0, done.stderr[-2000:]
            spent.append(end - float(done.stdout))
    yield Figure(f"exit with a pipeline in flight, worst of {len(spent)}", max(spent), 2, "allowed", max(spent) / 2, 1)


GROUPS = {
    "eager": eager,
    "X-ray": xray,
    "pipeline tf.data": pipeline,
    "display": display,
    "own decoders": own,
    "batch": batch,
    "codecs": codecs,
    "memory": memory,
    "exit": leaving,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="What the TensorFlow ops must reach, measured.")
    parser.add_argument("words", nargs="*", help=f"only groups that hold a word: {', '.join(GROUPS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    load()
    assert dtf.is_native(), "the native ops are not loaded"
    versions = f"dicomdecode {dd.__version__}, TensorFlow {tf.__version__}, NumPy {np.__version__}"
    print(f"{versions}, Python {sys.version.split()[0]}", file=sys.stderr)
    return measure_groups(GROUPS, arguments.words, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
