"""DICOM files in PyTorch: datasets for `torch.utils.data.DataLoader`, and tensors that share memory with arrays.

>>> from dicomdecode.torch import DicomDataset, collate                                                # doctest: +SKIP
>>> loader = DataLoader(DicomDataset("train"), batch_size=8, num_workers=2, collate_fn=collate)         # doctest: +SKIP
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, default_collate, get_worker_info
except ImportError as error:
    raise ImportError("dicomdecode.torch needs PyTorch: pip install 'dicomdecode[torch]'") from error

from dicomdecode.errors import DicomError
from dicomdecode.limits import limits_of
from dicomdecode.log import warn
from dicomdecode.pixels import Request
from dicomdecode.pixels.arguments import check_number, one_of
from dicomdecode.read_image import read_pixels
from dicomdecode.sources import Item, expand

__all__ = ["DicomDataset", "IterableDicomDataset", "collate", "read_tensor"]

_ON_ERROR = ("raise", "skip")


def read_tensor(source: Any, *, channels_first: bool = True, **keywords: Any) -> torch.Tensor:
    """Read a DICOM image as a tensor. It shares the memory of the array that `imread` would return.

    Parameters
    ----------
    source
        As in `dicomdecode.imread`.
    channels_first : bool
        The axis of samples in front of rows and columns, as PyTorch's layers have it; else behind them.
    **keywords
        As in `dicomdecode.imread`; `dtype` may be a torch.dtype. torch.bfloat16 is the float32 result, rounded half
        to even, in memory of its own.

    Returns
    -------
    torch.Tensor
        [frames, samples, rows, columns]: the frames axis only when there are several, the samples axis always.

    Raises
    ------
    DicomError, OSError, TypeError, ValueError, IndexError
        As in `dicomdecode.imread`.

    Examples
    --------
    >>> from dicomdecode.torch import DicomDataset, IterableDicomDataset, collate, read_tensor
    >>> from pydicom.data import get_testdata_file
    >>> ct, mr = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_small.dcm")
    >>> tensor = read_tensor(ct)
    >>> tensor.shape, tensor.dtype
    (torch.Size([1, 128, 128]), torch.float32)
    """
    return _Reader(channels_first, keywords)(source)


class _Reader:
    """Source -> tensor, with keywords checked once; picklable."""

    def __init__(self, channels_first: bool, keywords: dict[str, Any]) -> None:
        self._channels_first = channels_first
        self._keywords = keywords
        keywords = dict(keywords)
        self._limits = limits_of(keywords.pop("limits", None))
        dtype = keywords.get("dtype")
        self._is_bfloat16 = dtype is torch.bfloat16
        if isinstance(dtype, torch.dtype):
            keywords["dtype"] = "float32" if self._is_bfloat16 else str(dtype).removeprefix("torch.")
        self._request = Request(**keywords, color_dim=True)

    def __call__(self, source: Any) -> torch.Tensor:
        tensor = torch.from_numpy(read_pixels(source, self._request, self._limits))
        if self._channels_first:
            tensor = tensor.movedim(-1, -3)
        return tensor.to(torch.bfloat16) if self._is_bfloat16 else tensor

    def __reduce__(self) -> tuple[Any, ...]:
        return _Reader, (self._channels_first, self._keywords)


class DicomDataset(Dataset[Any]):
    """Files by index, for a `DataLoader` that may shuffle them.

    It holds paths and keywords, no open file: workers may be forked or spawned. Each worker decodes with one thread.

    Parameters
    ----------
    sources : sequence, or one source
        Of everything that `dicomdecode.open` takes; folders, patterns ("train/**/*.dcm") and archives stand for the
        files in them. What workers are to read must be picklable: paths and bytes are.
    labels : sequence, optional
        One for each file, in their order.
    channels_first : bool
        As in `read_tensor`.
    transform : callable, optional
        What is done to each tensor.
    on_error : {"raise", "skip"}
        "skip": a file that cannot be decoded gives None, which `collate` leaves out, and says why on
        ``logging.getLogger("dicomdecode")``. One that cannot be read raises.
    **keywords
        As in `read_tensor`.

    Raises
    ------
    ValueError, TypeError
        An argument is wrong.
    DicomError, OSError
        A folder or an archive cannot be read, or holds no DICOM.

    Examples
    --------
    >>> from dicomdecode.torch import DicomDataset, IterableDicomDataset, collate, read_tensor
    >>> from pydicom.data import get_testdata_file
    >>> ct, mr = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_small.dcm")
    >>> data = DicomDataset([ct, mr], labels=[0, 1])
    >>> len(data), data[1][0].shape, data[1][1]
    (2, torch.Size([1, 64, 64]), 1)
    """

    def __init__(
        self,
        sources: Any,
        labels: Sequence[Any] | None = None,
        *,
        channels_first: bool = True,
        transform: Callable[[torch.Tensor], Any] | None = None,
        on_error: str = "raise",
        **keywords: Any,
    ) -> None:
        one_of("on_error", on_error, _ON_ERROR)
        _check_transform(transform)
        self._read = _Reader(channels_first, keywords)
        self.files = list(_files(sources, keywords))
        if labels is not None and len(labels) != len(self.files):
            raise ValueError(f"labels must be one for each of the {len(self.files)} files, not {len(labels)}")
        self.labels = labels
        self._transform = transform
        self._on_error = on_error

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        """A tensor, or with labels (tensor, label); None for a file that is skipped."""
        tensor = _decoded(self._read, self.files[index], self._on_error)
        if tensor is None:
            return None
        if self._transform is not None:
            tensor = self._transform(tensor)
        return tensor if self.labels is None else (tensor, self.labels[index])


class IterableDicomDataset(IterableDataset[Any]):
    """Files in the order of an iterable, which may be endless.

    Of n workers each takes every n-th file. An iterator can be run through once, a list or a folder each epoch.

    Parameters
    ----------
    sources : iterable, or one source
        As in `DicomDataset`.
    labels : iterable, optional
        One for each file, in their order.
    channels_first, transform, **keywords
        As in `DicomDataset`.
    on_error : {"raise", "skip"}
        "skip": a file that cannot be decoded is left out, and says why on ``logging.getLogger("dicomdecode")``.

    Raises
    ------
    ValueError, TypeError
        An argument is wrong.
    DicomError, OSError
        While iterating: a file, a folder or an archive cannot be read.

    Examples
    --------
    >>> from dicomdecode.torch import DicomDataset, IterableDicomDataset, collate, read_tensor
    >>> from pydicom.data import get_testdata_file
    >>> ct, mr = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_small.dcm")
    >>> [tensor.shape for tensor in IterableDicomDataset(iter([ct, mr]))]
    [torch.Size([1, 128, 128]), torch.Size([1, 64, 64])]
    """

    def __init__(
        self,
        sources: Any,
        labels: Iterable[Any] | None = None,
        *,
        channels_first: bool = True,
        transform: Callable[[torch.Tensor], Any] | None = None,
        on_error: str = "raise",
        **keywords: Any,
    ) -> None:
        one_of("on_error", on_error, _ON_ERROR)
        _check_transform(transform)
        self._read = _Reader(channels_first, keywords)
        self._keywords = keywords
        self._sources = sources
        self._labels = labels
        self._transform = transform
        self._on_error = on_error

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        labels = itertools.repeat(None) if self._labels is None else self._labels
        # Not strict: labels may be endless.
        pairs = zip(_files(self._sources, self._keywords), labels, strict=False)
        for file, label in itertools.islice(pairs, first, None, step):
            tensor = _decoded(self._read, file, self._on_error)
            if tensor is None:
                continue
            if self._transform is not None:
                tensor = self._transform(tensor)
            yield tensor if self._labels is None else (tensor, label)


def _check_transform(transform: Any) -> None:
    if transform is not None and not callable(transform):
        raise TypeError(f"transform must be a function of a tensor, not {type(transform).__name__}")


def _files(sources: Any, keywords: dict[str, Any]) -> Iterator[Any]:
    for item in expand(sources, limits_of(keywords.get("limits"))):
        yield _source_of(item)


def _source_of(item: Item) -> Any:
    if item.error is not None:
        raise item.error
    return item.source


def _decoded(read: _Reader, file: Any, on_error: str) -> torch.Tensor | None:
    try:
        return read(file)
    except DicomError as error:
        if on_error == "raise":
            raise
        warn(f"image skipped: {error}")
        return None


def collate(batch: Sequence[Any], *, pad: float = 0, channels_first: bool = True) -> Any:
    """Put items of a dataset into a batch, padding tensors at their ends to the largest: a `collate_fn`.

    Parameters
    ----------
    batch : sequence
        Tensors, or tuples that begin with one. None is left out.
    pad : float
        What is put behind smaller tensors. ``functools.partial(collate, pad=-1024)`` is a `collate_fn` with another.
    channels_first : bool
        As the datasets were told.

    Returns
    -------
    torch.Tensor [items, ...], or tuple of it and the rest
        None where nothing of the batch was decoded.

    Raises
    ------
    ValueError, TypeError
        Tensors with and without a frames axis, or grey ones beside colour; what is no tensor.

    Examples
    --------
    >>> from dicomdecode.torch import DicomDataset, IterableDicomDataset, collate, read_tensor
    >>> from pydicom.data import get_testdata_file
    >>> ct, mr = get_testdata_file("CT_small.dcm"), get_testdata_file("MR_small.dcm")
    >>> collate([read_tensor(ct), read_tensor(mr)], pad=-1024).shape
    torch.Size([2, 1, 128, 128])
    """
    check_number("pad", pad)
    items = [item for item in batch if item is not None]
    if not items:
        return None
    for item in items:
        first = item[0] if isinstance(item, tuple) and item else item
        if not isinstance(first, torch.Tensor):
            raise TypeError(f"batch must hold tensors, or tuples that begin with one, not {type(first).__name__}")
    if not isinstance(items[0], tuple):
        return _padded(items, pad, -3 if channels_first else -1)
    tensors, *rest = zip(*items, strict=True)
    return (_padded(tensors, pad, -3 if channels_first else -1), *(default_collate(list(part)) for part in rest))


def _padded(tensors: Sequence[torch.Tensor], pad: float, channels: int) -> torch.Tensor:
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) == 1:
        return default_collate(list(tensors))
    if len({len(shape) for shape in shapes}) > 1 or len({shape[channels] for shape in shapes}) > 1:
        raise ValueError(
            f"images of the shapes {sorted(shapes, key=len)} do not go into one batch: they differ in having frames, "
            "or in their samples; choose with frames=, or put them into batches of their kind"
        )
    size = [max(lengths) for lengths in zip(*shapes, strict=True)]
    dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in tensors))
    result = torch.full([len(tensors), *size], pad, dtype=dtype)
    for place, tensor in zip(result, tensors, strict=True):
        place[tuple(map(slice, tensor.shape))] = tensor
    return result
