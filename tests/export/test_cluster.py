"""Dask: frames that are decoded when they are computed, and exports by workers of which one is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.export.test_convert import snapshot
from tests.volumes.series import pixels_of, stack, values

pytestmark = pytest.mark.filterwarnings("ignore")  # those of dask and its workers


def test_frames_of_an_image() -> None:
    pytest.importorskip("dask.array", reason="cluster: dask is not installed")
    frames = np.stack([pixels_of(k) for k in range(5)])
    array = dd.open(s.image(frames)).to_dask(values="stored", region=(1, 2, 3, 4))
    assert array.shape == (5, 3, 4) and array.dtype == np.int16 and array.numblocks == (5, 1, 1)
    assert np.array_equal(array[1:4].mean(axis=0).compute(), frames[1:4, 1:4, 2:6].mean(axis=0))
    one = dd.open(s.image(frames[0])).to_dask()
    assert one.shape == (1, 6, 8) and np.array_equal(one.compute()[0], values([0])[0])
    with pytest.raises(TypeError, match="frames="):
        dd.open(s.image(frames)).to_dask(frames=0)


def test_nothing_is_decoded_before_it_is_asked_for() -> None:
    pytest.importorskip("dask.array", reason="cluster: dask is not installed")
    cut = s.image(np.stack([pixels_of(k) for k in range(5)]), syntax=s.RLE, table="full")[:-60]
    array = dd.open(cut).to_dask(values="stored")
    assert np.array_equal(array[0].compute(), pixels_of(0))
    with pytest.raises(dd.DicomError):
        array[4].compute()


def test_frames_of_several_files(tmp_path: Path) -> None:
    """As docs/scale.md has it: a chunk for each frame of each file, of which none is decoded before."""
    da = pytest.importorskip("dask.array", reason="cluster: dask is not installed")
    paths = [tmp_path / f"{k}.dcm" for k in range(4)]
    for path, contents in zip(paths, [*stack(3), s.image(pixels_of(3), syntax=s.RLE)[:-20]], strict=True):
        path.write_bytes(contents)
    array = da.concatenate([dd.open(path).to_dask() for path in paths])
    assert array.shape == (4, 6, 8) and array.numblocks == (4, 1, 1)
    assert np.array_equal(array[:3].compute(), values([0, 1, 2]))
    with pytest.raises(dd.DicomError):
        array[3].compute()


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="cluster: distributed is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as made:
        yield made


@pytest.mark.slow
def test_a_worker_is_killed(cluster: Any, tmp_path: Path) -> None:
    """Nothing is lost, and nothing is there twice."""
    import distributed

    (tmp_path / "in").mkdir()
    for k, contents in enumerate(stack(400)):
        (tmp_path / "in" / f"{k:04}.dcm").write_bytes(contents)
    dd.convert(tmp_path / "in", tmp_path / "clean", format="tfrecord", shard_size=4)
    with distributed.Client(cluster) as client:
        pids = list(client.run(os.getpid).values())

        def sources() -> Iterator[Path]:
            for k, path in enumerate(sorted((tmp_path / "in").iterdir())):
                if k == 120:
                    os.kill(pids[0], signal.SIGKILL)
                time.sleep(0.001)
                yield path

        executor = client.get_executor()
        report = dd.convert(sources(), tmp_path / "out", format="tfrecord", shard_size=4, executor=executor, workers=4)
    assert (report.done, report.failed) == (400, 0)
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "clean")
