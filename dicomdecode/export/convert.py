"""`convert`: what a caller asks for. The work is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from concurrent.futures import Executor

    from dicomdecode.export.report import Report
    from dicomdecode.limits import Limits

__all__ = ["convert"]


def convert(
    sources: Any,
    dest: str | os.PathLike[str],
    *,
    format: str,
    values: str | None = None,
    tags: Any = (),
    shard_size: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    on_error: str = "record",
    resume: bool = True,
    overwrite: bool = False,
    progress: bool = False,
    dry_run: bool = False,
    limits: Limits | None = None,
    **keywords: Any,
) -> Report:
    """Convert many files. Only the pixels and the tags named in `tags` are written.

    Parameters
    ----------
    sources : iterable, or one source
        As in `decode_batch`.
    dest : path
        A folder for the results, named by their number, and for ``manifest.jsonl``, which has a line with the name of
        each source.
    format : {"npy", "npz", "png", "tiff", "nifti", "zarr", "tfrecord", "webdataset", "parquet"}
        "nifti" writes the volumes of each series; "parquet" writes tags only.
    values : str, optional
        As in `imread`. Default: "display" for "png", else "modality".
    tags : list, or dict name -> tag
        Tags that are written too, each in any form that `read_tags` takes.
    shard_size : int, optional
        Records per file, for "tfrecord", "webdataset" and "parquet"; default 256, for "parquet" 1024.
    workers : int, optional
        Threads, or units that are given to `executor` side by side; default: one for each core.
    executor : concurrent.futures.Executor, optional
        Its workers read and write whole units; they must see `dest`. Sources must be picklable for processes.
    on_error : {"record", "raise", "skip"}
        What happens when a source fails: it gets a line in the manifest; the error is raised once everything before it
        is written; or it is only counted.
    resume : bool
        Go on where an earlier run with the same settings stopped: what is in `dest` is not done again.
    overwrite : bool
        Remove the results of an earlier run, whatever its settings were.
    progress : bool
        Show the progress on a terminal.
    dry_run : bool
        Write nothing; `done` of the report is how many sources would be converted.
    limits, keywords
        As in `imread`; "nifti" takes `dtype` alone.

    Returns
    -------
    Report

    Raises
    ------
    ExportError
        `dest` holds something else (`target_exists`), another run writes there (`target_busy`), the disk is full
        (`disk_full`) or not writable (`not_writable`). Finished results stay, and a later run can go on from them.
    ValueError, TypeError
        An argument is wrong.
    ImportError
        The library for the format is not installed.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> import os, tempfile
    >>> from pydicom.data import get_testdata_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = dd.convert(get_testdata_file("CT_small.dcm"), folder, format="npz", tags=["Modality"])
    ...     report.done, sorted(os.listdir(folder))
    (1, ['00000000.npz', 'manifest.jsonl'])
    """
    from dicomdecode.export.running import run

    return run(
        sources,
        dest,
        format,
        {"values": values, **keywords},
        tags=tags,
        shard_size=shard_size,
        workers=workers,
        executor=executor,
        on_error=on_error,
        resume=resume,
        overwrite=overwrite,
        progress=progress,
        dry_run=dry_run,
        limits=limits,
    )
