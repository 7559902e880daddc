"""What an installation takes, and what its imports cost: the table of docs/dependencies.md.

    new/bin/python benchmarks/footprint.py

`new` is an environment into which `pip install --no-compile dicomdecode` has put the package and nothing else. Sizes
are those of the installed files without byte code; times are of the processor, medians beyond Python's start, and
beyond NumPy's for all but NumPy. Exits with 1 if a bound is missed.
"""

from __future__ import annotations

import re
import resource
import statistics
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

REPEATS = 9
MEGABYTES, IMPORT_MS, HELP_MS = 188.0, 20.0, 150.0
#: Distribution -> what is imported of it, where the name is another.
MODULES = {"pillow": "PIL.Image"}
NUMPY = ["-c", "import numpy"]


def needed(name: str, found: dict[str, float]) -> dict[str, float]:
    """Megabytes of a distribution and of all that it asks for without extras."""
    if name not in found:
        files = distribution(name).files or []
        paths = [Path(str(file.locate())) for file in files if "__pycache__" not in file.parts]
        found[name] = sum(path.stat().st_size for path in paths if path.exists()) / 1e6
        for asked in distribution(name).requires or []:
            if "extra ==" not in asked:
                needed(re.split(r"[^\w.-]", asked)[0].lower(), found)
    return found


def once(arguments: list[str]) -> float:
    """Milliseconds of the processor that Python takes for this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def beyond(base: list[str], *others: list[str]) -> list[float]:
    """What each of the others takes beyond `base`: they take turns."""
    rounds = [[once(each) for each in (base, *others)] for _ in range(REPEATS + 1)][1:]
    return [statistics.median(row[i] - row[0] for row in rounds) for i in range(1, len(others) + 1)]


def main() -> int:
    sizes = needed("dicomdecode", {})
    others = [name for name in sizes if name != "numpy"]
    of_others = beyond(NUMPY, *(["-c", f"import numpy, {MODULES.get(name, name)}"] for name in others))
    of_numpy, helped = beyond(["-c", "pass"], NUMPY, ["-m", "dicomdecode", "--help"])
    times = dict(zip(others, of_others, strict=True)) | {"numpy": of_numpy}
    print("| package | MB | import, ms |\n|---|---|---|")
    for name, size in sorted(sizes.items(), key=lambda row: -row[1]):
        print(f"| {name} | {size:.1f} | {times[name]:.0f} |")
    missed = False
    for text, value, bound in (
        ("all, MB", sum(sizes.values()), MEGABYTES),
        ("import dicomdecode beyond NumPy, ms", times["dicomdecode"], IMPORT_MS),
        ("dicomdecode --help beyond Python, ms", helped, HELP_MS),
    ):
        missed |= value > bound
        print(f"{text}: {value:.1f}, at most {bound:g}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
