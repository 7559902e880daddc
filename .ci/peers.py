"""What the runs of `.ci/peers` gave: a row for each suite, and the tests that fail with this package only."""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

OUTCOMES = ("failure", "error", "skipped")


def outcomes(path: Path) -> dict[str, str]:
    """Test -> what became of it; of a run that there is none of, nothing."""
    found: dict[str, str] = {}
    if not path.exists():
        return found
    for case in ElementTree.parse(path).iter("testcase"):
        outcome = next((name for name in OUTCOMES if case.find(name) is not None), "passed")
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return found


def main(folder: Path, names: list[str]) -> int:
    """Print the table; returns how many tests fail with this package only."""
    worse: list[str] = []
    print(
        "| suite | passed before | passed after | skipped | fail either way | fail only after |",
        "|---" * 6 + "|",
        sep="\n",
    )
    for name in names:
        before, after = (outcomes(folder / f"{name}-{way}.xml") for way in ("before", "after"))
        was = before or dict.fromkeys(after, "passed")
        ours = [test for test, what in after.items() if what in OUTCOMES[:2] and was.get(test) == "passed"]
        counts, counts_after = Counter(before.values()), Counter(after.values())
        failing = counts_after["failure"] + counts_after["error"] - len(ours)
        passed_before = counts["passed"] if before else "-"
        row = (name, passed_before, counts_after["passed"], counts_after["skipped"], failing, len(ours))
        print("| " + " | ".join(map(str, row)) + " |")
        worse += ours
    for test in worse:
        print(test)
    return len(worse)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]) > 0)
