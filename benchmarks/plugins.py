"""Each plugin beside the reader that it replaces, over a folder of real files:

    python benchmarks/plugins.py FOLDER          all
    python benchmarks/plugins.py FOLDER MONAI    of these hosts

Prints how many files each reads, how many of those that both read are equal, and the median ratio of CPU time. A reader
runs in a process of its own: one that crashes or hangs loses a file and not the run. What is not installed is named.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SECONDS = 60  # for one file
REPEATS = 3

Read = Callable[[str], Any]


def monai(ours: bool) -> Read:
    from monai.transforms import LoadImage

    if ours:
        from dicomdecode.plugins.monai import DicomReader

        reader: Any = DicomReader()
    else:
        reader = "PydicomReader"
    load = LoadImage(reader=reader, image_only=True)
    return lambda path: load(path).numpy()


def torchio(ours: bool) -> Read:
    import torchio as tio

    from dicomdecode.plugins.torchio import read_dicom

    keywords = {"reader": read_dicom} if ours else {}
    return lambda path: tio.ScalarImage(path, **keywords).data.numpy()


def imageio(ours: bool) -> Read:
    import imageio.v3 as iio

    from dicomdecode.plugins.imageio import DicomPlugin

    plugin: Any = DicomPlugin if ours else "DICOM"
    return lambda path: iio.imread(path, plugin=plugin)


def pillow(ours: bool) -> Read:
    from PIL import Image

    from dicomdecode.plugins.pillow import register

    if ours:
        register()

    def read(path: str) -> Any:
        with Image.open(path) as picture:
            return np.asarray(picture)

    return read


def xarray(ours: bool) -> Read:
    import xarray as xr

    from dicomdecode.plugins.xarray import DicomBackend

    # Where this package is installed, it is among the engines that xarray finds.
    engines: list[Any] = [DicomBackend]
    if not ours:
        engines = [name for name in xr.backends.list_engines() if name != "dicomdecode"]

    def read(path: str) -> Any:
        for engine in engines:
            try:
                with xr.open_dataset(path, engine=engine) as dataset:
                    return dataset["pixels"].to_numpy()
            except Exception as error:
                failed = error
        raise failed

    return read


def napari(ours: bool) -> Read:
    import npe2

    manager = npe2.PluginManager.instance()
    name = "dicomdecode" if ours else "napari"
    if ours:
        from dicomdecode import plugins

        manager.register(npe2.PluginManifest.from_file(Path(plugins.__file__).with_name("napari.yaml")))
    else:
        manager.discover()

    def read(path: str) -> Any:
        return np.asarray(npe2.read([path], stack=False, plugin_name=name)[0][0])

    return read


def zarr(ours: bool) -> Read:
    """The frames of the references beside `imread`: the two must be equal."""
    import dicomdecode

    if not ours:

        def plain(path: str) -> Any:
            with dicomdecode.open(path) as image:
                color = "stored" if image.photometric == "PALETTE COLOR" else "rgb"
                return image.pixels(values="stored", color=color)

        return plain
    import fsspec
    import numcodecs
    import zarr as host

    from dicomdecode.plugins.kerchunk import DicomCodec, references

    numcodecs.register_codec(DicomCodec)

    def read(path: str) -> Any:
        files = fsspec.filesystem("reference", fo=references(path), asynchronous=True, remote_protocol="file")
        return host.open_array(host.storage.FsspecStore(files, path="pixels"), mode="r", zarr_format=2)[...]

    return read


READERS = {
    "MONAI": (monai, "PydicomReader"),
    "TorchIO": (torchio, "its own (SimpleITK)"),
    "imageio": (imageio, "its own (DICOM)"),
    "napari": (napari, "its own (imageio)"),
    "Pillow": (pillow, "its own"),
    "xarray": (xarray, "its own engines"),
    "zarr": (zarr, "`imread`"),
}


class Result(NamedTuple):
    """Of one file: a digest of the values, None where it was not read, and seconds of CPU."""

    digest: str | None
    seconds: float


def child(name: str, ours: bool) -> None:
    """Read the files that come in by standard input, and answer each with a line."""
    warnings.simplefilter("ignore")
    read = READERS[name][0](ours)
    answer = sys.stdout
    sys.stdout = sys.stderr
    print("ready", file=answer, flush=True)
    for line in sys.stdin:
        path = line.rstrip("\n")
        try:
            spent = []
            for _ in range(REPEATS):
                start = time.process_time()
                found = np.squeeze(read(path))
                spent.append(time.process_time() - start)
            values = np.ascontiguousarray(found, np.float64)
            found_digest = hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()
            print(json.dumps(Result(found_digest, min(spent))), file=answer, flush=True)
        except Exception:
            print(json.dumps(Result(None, 0.0)), file=answer, flush=True)


def results(name: str, ours: bool, files: list[str]) -> Iterator[Result] | None:
    """What a reader makes of each file; None where it is not installed."""
    import selectors

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--child", name, str(int(ours))]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1)

    process = start()
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        return None

    def run() -> Iterator[Result]:
        nonlocal process
        for path in files:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(path + "\n")
            with selectors.DefaultSelector() as waiting:
                waiting.register(process.stdout, selectors.EVENT_READ)
                line = process.stdout.readline() if waiting.select(SECONDS) else ""
            if line:
                yield Result(*json.loads(line))
            else:  # it crashed or hangs
                process.kill()
                process.wait()
                process = start()
                assert process.stdout is not None
                process.stdout.readline()
                yield Result(None, 0.0)
        process.kill()
        process.wait()

    return run()


def main(folder: str, hosts: list[str]) -> None:
    """Print the table."""
    import dicomdecode

    files: list[Path] = []
    for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
        try:
            dicomdecode.imread(path)
            files.append(path)
        except (dicomdecode.DicomError, ImportError):
            continue
    # Each alone in a folder: some readers look for its series there. And by the usual ending: some ask for that.
    with tempfile.TemporaryDirectory() as alone:
        names = []
        for i, path in enumerate(files):
            place = Path(alone, str(i))
            place.mkdir()
            (place / "image.dcm").symlink_to(path.resolve())
            names.append(str(place / "image.dcm"))
        compare(names, hosts or list(READERS))


def compare(files: list[str], hosts: list[str]) -> None:
    """Print the table of these files."""
    print(f"{len(files)} files\n")
    print("| host | beside | it reads | this reads | equal | CPU time, this / it |")
    print("|---|---|---|---|---|---|")
    for name in hosts:
        beside = READERS[name][1]
        pair = [results(name, ours, files) for ours in (False, True)]
        if pair[0] is None or pair[1] is None:
            print(f"| {name} | not installed | | | | |")
            continue
        them, us = (list(found) for found in pair if found is not None)
        both = [(a, b) for a, b in zip(them, us, strict=True) if a.digest and b.digest]
        equal = sum(a.digest == b.digest for a, b in both)
        ratio = statistics.median([b.seconds / a.seconds for a, b in both]) if both else None
        counts = [sum(r.digest is not None for r in found) for found in (them, us)]
        ratio_text = "-" if ratio is None else f"{ratio:.2f}"
        print(f"| {name} | {beside} | {counts[0]} | {counts[1]} | {equal} of {len(both)} | {ratio_text} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        child(sys.argv[2], sys.argv[3] == "1")
    else:
        main(sys.argv[1], sys.argv[2:])
