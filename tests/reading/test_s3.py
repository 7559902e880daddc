"""Objects of S3, at a server of moto's on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

pytest.importorskip("s3fs", reason="s3fs: not installed")
pytest.importorskip("moto.server", reason="moto[server]: not installed")

FRAMES = np.random.default_rng(0).integers(0, 1 << 16, (4, 512, 512), np.uint16)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("scans")
    yield "s3://scans"
    server.stop()
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.slow
def test_objects(bucket: str) -> None:
    import fsspec

    with fsspec.open(f"{bucket}/a/large.dcm", "wb") as file:
        file.write(s.image(FRAMES))
    with fsspec.open(f"{bucket}/a/small.dcm", "wb") as file:
        file.write(s.image(FRAMES[:1, :2, :3]))
    found = list(dd.decode_batch([f"{bucket}/a", f"{bucket}/*/s*.dcm"], values="stored"))
    assert [each.source.rpartition("/")[2] for each in found] == ["large.dcm", "small.dcm", "small.dcm"]
    assert [each.shape for each in found] == [(4, 512, 512), (2, 3), (2, 3)]
    np.testing.assert_array_equal(dd.imread(f"{bucket}/a/large.dcm", values="stored", frames=2), FRAMES[2])
    missing, elsewhere = dd.decode_batch([f"{bucket}/a/none.dcm", "s3://no-such-bucket/a.dcm"])
    assert isinstance(missing.error, FileNotFoundError) and isinstance(elsewhere.error, OSError)
    table = dd.read_tags(f"{bucket}/a", ["Rows"])
    assert table["Rows"].tolist() == [512, 2]
