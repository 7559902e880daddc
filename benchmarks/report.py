"""The newest results of asv as tables and plots: writes docs/benchmarks.md and the SVG files beside it.

    make bench-report          runs the benchmarks that the page shows, then this
    python benchmarks/report.py

asv imports everything in this folder, so that what only this needs is imported late.
The plots have no background, and colours that can be read on a light page and on a dark one.
"""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "_static" / "benchmarks"
OURS = "dicomdecode"
GREY = "#808080"
COLORS = ("#d9534f", "#4c8bb8", "#d08a2e", "#5a9e6f", "#9a7fc4", "#8c8c3c", "#c06c9a")
MARKERS = "osD^vP*"


@dataclass(frozen=True)
class Table:
    """The results of one benchmark of two parameters: `values[row][column]`, NaN where there is none."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]

    def column(self, name: str) -> tuple[float, ...]:
        at = self.columns.index(name)
        return tuple(row[at] for row in self.values)


def newest() -> Any:
    """The results that were measured last.

    Raises
    ------
    SystemExit
        There are none.
    """
    from asv.config import Config
    from asv.results import iter_results

    config = Config.load(str(ROOT / "benchmarks" / "asv.conf.json"))
    folder = (ROOT / "benchmarks" / config.results_dir).resolve()
    found = sorted(iter_results(str(folder)), key=lambda results: max(results.started_at.values(), default=0))
    if not found:
        raise SystemExit("there are no results: run `make bench-report`")
    return found[-1]


def table_of(results: Any, name: str) -> Table:
    """One benchmark; of one parameter it has one column."""
    names = results.get_result_params(name)
    params = [tuple(text.strip("'") for text in values) for values in names]
    values = [math.nan if value is None else float(value) for value in results.get_result_value(name, names)]
    columns = params[1] if len(params) > 1 else ("",)
    rows = tuple(tuple(values[i : i + len(columns)]) for i in range(0, len(values), len(columns)))
    return Table(params[0], columns, rows)


def shown(value: float) -> str:
    """A figure with two or three digits that count."""
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def readers_table(table: Table) -> str:
    """Milliseconds of each reader, and our share of the fastest other."""
    rows = []
    for name, values in zip(table.rows, table.values, strict=True):
        ours = values[table.columns.index(OURS)]
        others = [v for who, v in zip(table.columns, values, strict=True) if who != OURS and not math.isnan(v)]
        share = ours / min(others) if others else math.nan
        rows.append([name, *(shown(value * 1e3) for value in values), shown(share)])
    return markdown(["ms", *table.columns, "of the fastest other"], rows)


def plain_table(corner: str, table: Table, scale: float = 1) -> str:
    rows = ([name, *(shown(v * scale) for v in row)] for name, row in zip(table.rows, table.values, strict=True))
    return markdown([corner, *table.columns], rows)


def axes(width: float, height: float) -> tuple[Any, Any]:
    """An empty plot."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(width, height))
    for spine in axis.spines.values():
        spine.set_color(GREY)
    axis.tick_params(colors=GREY, which="both")
    axis.xaxis.label.set_color(GREY)
    axis.yaxis.label.set_color(GREY)
    axis.grid(color=GREY, alpha=0.25, linewidth=0.6)
    return figure, axis


def save(figure: Any, name: str) -> None:
    """As SVG, the same file from the same figures."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOTS / f"{name}.svg", transparent=True, bbox_inches="tight", metadata={"Date": None})
    path = PLOTS / f"{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def plot_readers(table: Table) -> None:
    """Times as multiples of ours, a row for each file."""
    figure, axis = axes(8, 0.42 * len(table.rows) + 1)
    ours = table.column(OURS)
    for i, who in enumerate(table.columns):
        if all(map(math.isnan, table.column(who))):
            continue
        ratios = [other / mine for other, mine in zip(table.column(who), ours, strict=True)]
        axis.plot(ratios, range(len(ratios)), MARKERS[i], color=COLORS[i], label=who, markersize=7)
    axis.set_yticks(range(len(table.rows)), table.rows)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlabel("time as a multiple of dicomdecode's: to the right of 1 is slower")
    axis.legend(loc="upper center", bbox_to_anchor=(0.4, 1.12), ncols=6, frameon=False, labelcolor=GREY, fontsize=9)
    save(figure, "readers")


def plot_lines(table: Table, name: str, across: str, up: str) -> None:
    """A line for each row, over the numbers that the columns are."""
    figure, axis = axes(7, 4)
    places = [float(column) for column in table.columns]
    for i, (row, values) in enumerate(zip(table.rows, table.values, strict=True)):
        axis.plot(places, values, MARKERS[i] + "-", color=COLORS[i], label=row, markersize=5)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xticks(places, table.columns)
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, labelcolor=GREY, fontsize=9)
    save(figure, name)


def page_of(results: Any) -> str:
    """The whole page; its plots are written beside it."""
    readers = table_of(results, "bench_rivals.Readers.time_read")
    size = table_of(results, "bench_scaling.Size.track_time_of_a_pixel")
    frames = table_of(results, "bench_scaling.Frames.track_time_of_a_frame")
    threads = table_of(results, "bench_scaling.Threads.track_frames_a_second")
    memory = table_of(results, "bench_scaling.Memory.peakmem_read")
    plot_readers(readers)
    plot_lines(size, "size", "rows and columns", "ns for each pixel")
    plot_lines(frames, "frames", "frames", "us for each frame")
    gains = [b / a for a, b in zip(threads.column("1"), threads.column("2"), strict=True)]
    parameters = results.params
    machine = f"{parameters.get('arch', platform.machine())}, {parameters.get('num_cpu', '?')} processors"
    return f"""# Benchmarks

Written by `make bench-report` from one run of asv ({machine}, Python {platform.python_version()}); do
not edit. Times are of the processor, since the machine was shared; those of several threads are by the clock. Closer
comparisons, with bounds, are on [the page on speed](performance.md).

## Readers

Stored values of a whole file by its path. A reader without a figure is not installed, cannot decode the file, or
gives other pixels.

![Times of readers as multiples of dicomdecode's](_static/benchmarks/readers.svg)

{readers_table(readers)}

## Size

One frame of 12 bits from memory.

![Time for each pixel, by size](_static/benchmarks/size.svg)

{plain_table("ns for each pixel", size)}

## Frames

Frames of 128x128, all in one call.

![Time for each frame, by their number](_static/benchmarks/frames.svg)

{plain_table("us for each frame", frames)}

## Threads

16 frames of 512x512, side by side. Two threads decode {min(gains):.2f} to {max(gains):.2f} times as many; the median
is {statistics.median(gains):.2f}. Other work on the machine shows here more than anywhere.

{plain_table("frames a second, by threads", threads)}

## Memory

Peak memory of the whole process, Python and NumPy included, that reads a frame of 2048x2048 (8 MB of result).

{plain_table("MB", Table(memory.rows, ("",), memory.values), 1e-6)}
"""


def main() -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "dicomdecode", "font.family": "sans-serif"})
    PAGE.write_text(page_of(newest()), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}, {PLOTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
