"""Objects of Google Storage, at a server on this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # else it asks for a kind of bucket by gRPC
pytest.importorskip("gcsfs", reason="gcsfs: not installed")
pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator: not installed")

FRAMES = np.random.default_rng(0).integers(0, 1 << 16, (4, 512, 512), np.uint16)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import fsspec
    from gcp_storage_emulator.server import create_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="scans")
    server.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    gcsfs = fsspec.get_filesystem_class("gs")
    gcsfs.clear_instance_cache()
    yield "gs://scans"
    gcsfs.clear_instance_cache()
    server.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of aiohttp
def test_objects(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec
    from gcsfs import GCSFileSystem

    files = fsspec.filesystem("gs")
    files.pipe({"scans/a/large.dcm": s.image(FRAMES), "scans/a/small.dcm": s.image(FRAMES[:1, :2, :3])})
    found = list(dd.decode_batch([f"{bucket}/a", f"{bucket}/*/s*.dcm"], values="stored"))
    assert [each.source.rpartition("/")[2] for each in found] == ["large.dcm", "small.dcm", "small.dcm"]
    assert [each.shape for each in found] == [(4, 512, 512), (2, 3), (2, 3)]
    np.testing.assert_array_equal(dd.imread(f"{bucket}/a/large.dcm", values="stored", frames=2), FRAMES[2])
    for each in dd.decode_batch([f"{bucket}/a/none.dcm", "gs://no-such-bucket/a.dcm"]):
        assert isinstance(each.error, FileNotFoundError) and "No such file" in str(each.error)

    async def forbid(*arguments: object, **keywords: object) -> None:
        raise OSError("Forbidden: b/scans/o/a?signature=secret")

    monkeypatch.setattr(GCSFileSystem, "_info", forbid)
    files.clear_instance_cache()
    (found,) = dd.decode_batch(f"{bucket}/a/small.dcm")
    assert isinstance(found.error, PermissionError) and "secret" not in str(found.error)
