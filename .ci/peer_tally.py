"""What comparisons with other projects' files share: what became of each, how it is told, and the exit code."""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator

Outcome = tuple[str, str]


def tell(outcomes: Callable[[list[str]], Iterator[Outcome]]) -> None:
    """Count the outcomes of the files that the command line names, and end the process.

    An outcome is a word to count it by, and what is wrong: "" where nothing is. What is wrong is listed, and makes the
    exit code 1.
    """
    warnings.simplefilter("ignore")
    found: Counter[str] = Counter()
    worse = []
    for name, wrong in outcomes(sys.argv[1:]):
        found[name] += 1
        if wrong:
            worse.append(wrong)
    for name, count in sorted(found.items()):
        print(f"{count:4} {name}")
    print(*worse, sep="\n")
    sys.exit(bool(worse))
