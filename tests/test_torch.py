"""dicomdecode.torch with the real library: tensors, datasets in workers, batches."""

from __future__ import annotations

import doctest
import functools
import importlib.util
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

if importlib.util.find_spec("torch") is None:
    pytest.skip("torch: not installed", allow_module_level=True)

import torch
from torch.utils.data import DataLoader

from dicomdecode.torch import DicomDataset, IterableDicomDataset, collate, read_tensor

pytestmark = pytest.mark.usefixtures("quiet")

SLOPE: list[s.Element] = [(0x00281052, "DS", "-10"), (0x00281053, "DS", "2")]
GREY = s.image(np.arange(12, dtype=np.uint16).reshape(3, 4), extra=SLOPE)
COLOUR = s.image(np.arange(36, dtype=np.uint8).reshape(3, 4, 3), photometric="RGB")
FRAMES = s.image(np.arange(60, dtype=np.uint16).reshape(5, 3, 4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images of two sizes: image i holds 2 i - 10."""
    for i in range(6):
        (tmp_path / f"{i}.dcm").write_bytes(s.image(np.full((3 + i % 2, 4), i, np.uint16), extra=SLOPE))
    return tmp_path


def test_tensors() -> None:
    for contents, shape in ((GREY, (1, 3, 4)), (COLOUR, (3, 3, 4)), (FRAMES, (5, 1, 3, 4))):
        tensor = read_tensor(contents)
        array = dd.imread(contents)
        assert tensor.shape == shape
        last = read_tensor(contents, channels_first=False)
        assert np.array_equal(last.numpy().reshape(array.shape), array)
        assert torch.equal(tensor, last.movedim(-1, -3))
    assert read_tensor(FRAMES, frames=1).shape == (1, 3, 4)
    assert read_tensor(GREY, values="display", window=(0, 10)).dtype == torch.uint8
    for dtype in (torch.float16, torch.float64, torch.int16, torch.uint16, torch.uint8):
        assert read_tensor(GREY, dtype=dtype).dtype == dtype
    with pytest.raises(ValueError, match="values must be"):
        read_tensor(GREY, values="hu")
    with pytest.raises(TypeError, match="dtype must be"):
        read_tensor(GREY, dtype=torch.complex64)


def test_memory_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tensor is a view of the array that was decoded."""
    import dicomdecode.torch as module

    arrays: list[np.ndarray] = []

    def read(*arguments: Any) -> np.ndarray:
        arrays.append(original(*arguments))
        return arrays[-1]

    original = module.read_pixels
    monkeypatch.setattr(module, "read_pixels", read)
    for contents in (GREY, COLOUR, FRAMES):
        tensor = read_tensor(contents)
        assert np.shares_memory(tensor.numpy(), arrays[-1])


def test_bfloat16() -> None:
    contents = s.image(np.arange(1 << 16, dtype=np.uint16).reshape(256, 256))
    bits = dd.imread(contents, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    tensor = read_tensor(contents, dtype=torch.bfloat16)
    assert np.array_equal(tensor[0].view(torch.uint16).numpy(), rounded)


def test_dataset(folder: Path) -> None:
    data = DicomDataset(folder, labels=list("abcdef"), transform=lambda x: x + 1)
    assert len(data) == 6
    tensor, label = data[3]
    assert label == "d" and (tensor == 2 * 3 - 10 + 1).all() and tensor.shape == (1, 4, 4)
    assert len(DicomDataset(folder / "[01].dcm")) == 2
    assert torch.equal(DicomDataset([GREY, COLOUR])[1], read_tensor(COLOUR))
    copy = pickle.loads(pickle.dumps(DicomDataset(folder, window=(1, 50), values="voi", dtype=torch.float16)))
    assert len(copy) == 6 and copy[0].dtype == torch.float16
    with pytest.raises(ValueError, match="one for each of the 6 files"):
        DicomDataset(folder, labels=[1])
    with pytest.raises(FileNotFoundError):
        DicomDataset(folder / "missing")[0]
    with pytest.raises(ValueError, match="on_error must be"):
        DicomDataset(folder, on_error="none")
    for kind in (DicomDataset, IterableDicomDataset):
        with pytest.raises(TypeError, match="transform must be"):
            kind(folder, transform="flip")


def test_what_cannot_be_decoded() -> None:
    files = [GREY, b"no DICOM", GREY]
    with pytest.raises(dd.DicomError, match="Not a DICOM file"):
        DicomDataset(files)[1]
    data = DicomDataset(files, labels=[1, 2, 3], on_error="skip")
    assert data[1] is None
    ((images, labels),) = list(DataLoader(data, batch_size=3, collate_fn=collate))
    assert images.shape == (2, 1, 3, 4) and labels.tolist() == [1, 3]
    assert list(IterableDicomDataset(files, "abc", on_error="skip"))[1][1] == "c"
    with pytest.raises(dd.DicomError, match="Not a DICOM file"):
        list(IterableDicomDataset(files))
    assert collate([None, None]) is None


def test_collate() -> None:
    small, large = torch.ones(1, 2, 5), torch.ones(1, 4, 3)
    batch = collate([small, None, large], pad=-7)
    assert batch.shape == (2, 1, 4, 5)
    assert torch.equal(batch[0, :, :2], small) and (batch[0, :, 2:] == -7).all()
    assert torch.equal(batch[1, :, :, :3], large) and (batch[1, :, :, 3:] == -7).all()
    images, labels, names = collate([(small, 1, "a"), (large, 2, "b")])
    assert images.shape == (2, 1, 4, 5) and labels.tolist() == [1, 2] and names == ["a", "b"]
    assert collate([torch.ones(2, 3, 4, 5), torch.ones(3, 3, 4, 5)]).shape == (2, 3, 3, 4, 5)  # frames
    assert collate([torch.ones(1, 2, 2, dtype=torch.int16), torch.full((1, 2, 3), 0.5)])[1, 0, 0, 0] == 0.5
    with pytest.raises(TypeError, match="must hold tensors"):
        collate([(1, "a"), (2, "b")])
    with pytest.raises(TypeError, match="pad must be a number"):
        collate([small], pad="0")
    with pytest.raises(ValueError, match="batch"):
        collate([torch.ones(1, 4, 4), torch.ones(3, 4, 5)])  # grey and colour
    with pytest.raises(ValueError, match="batch"):
        collate([torch.ones(4, 4, 1), torch.ones(4, 5, 3)], channels_first=False)
    with pytest.raises(ValueError, match="batch"):
        collate([torch.ones(1, 4, 4), torch.ones(2, 1, 4, 4)])


@pytest.mark.parametrize("batch_size", [2, None])
def test_each_worker_takes_its_part(folder: Path, batch_size: int | None) -> None:
    """Every file once, under the default way of starting workers of this Python."""
    data = IterableDicomDataset(folder, range(6))
    fit = functools.partial(collate, pad=0) if batch_size else None
    loader = DataLoader(data, batch_size=batch_size, num_workers=2, collate_fn=fit)
    for _ in range(2):  # epochs
        labels = [label for _, found in loader for label in (found.tolist() if batch_size else [found])]
        assert sorted(labels) == list(range(6))


WORKERS = """
import sys
sys.path[:0] = {path!r}
from torch.utils.data import DataLoader
from dicomdecode.torch import DicomDataset, collate
if __name__ == "__main__":
    data = DicomDataset({folder!r}, labels=list(range(6)), values="modality")
    loader = DataLoader(data, batch_size=2, shuffle=True, num_workers=2, collate_fn=collate,
                        multiprocessing_context={method!r})
    found = {{}}
    for images, labels in loader:
        for image, label in zip(images, labels.tolist()):
            found[label] = float(image[0, 0, 0])
    assert found == {{i: 2.0 * i - 10 for i in range(6)}}, found
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(method: str, folder: Path, tmp_path: Path) -> None:
    if method == "fork" and sys.platform != "linux":
        pytest.skip("platform: no fork")
    script = tmp_path / "train.py"
    paths = [str(Path(dd.__file__).parent.parent), str(Path(torch.__file__).parent.parent)]
    script.write_text(WORKERS.format(folder=str(folder / "*.dcm"), method=method, path=paths))
    done = subprocess.run([sys.executable, "-P", str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_training(folder: Path) -> None:
    data = DicomDataset(folder, labels=[0, 1] * 3)
    model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(4, 2))
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    losses = []
    for images, labels in DataLoader(data, batch_size=3, collate_fn=collate):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert len(losses) == 2 and np.isfinite(losses).all()


def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of the tutorial, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[1] / "docs" / "tutorial_pytorch.md"
    blocks = re.findall(r"^```pycon\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, page.name, 0)
    reports: list[str] = []
    result = doctest.DocTestRunner().run(test, out=reports.append)
    assert not result.failed, "".join(reports)
    assert result.attempted > 15
