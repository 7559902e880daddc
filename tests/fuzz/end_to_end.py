"""From the bytes of a file to arrays and texts, with the mutations of tests/hostile/mutants.py. Needs Atheris.

    python tests/fuzz/end_to_end.py FOLDER -runs=1000000

FOLDER holds what was found; the first files are those of `tests/test_robustness.py`. Each input goes one of the ways
that a user goes, drawn by its bytes.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).resolve().parents[2]))

import dicomdecode

#: Faces with libraries of their own.
APART = re.compile(r"dicomdecode\.(tfop|tensorflow|tfio\b|torch|plugins|pydicom_plugin|__main__)")

with atheris.instrument_imports(include=["dicomdecode"]):
    for found in pkgutil.walk_packages(dicomdecode.__path__, "dicomdecode."):
        if not APART.match(found.name):
            importlib.import_module(found.name)

from tests.hostile import mutants  # noqa: E402
from tests.test_robustness import FILES  # noqa: E402

LONGEST = 20_000


def mutated(data: bytes, most: int, seed: int) -> bytes:
    rng = random.Random(seed)
    damaged = bytearray(data)
    for damage in rng.choices(mutants.DAMAGES, k=rng.choice((1, 1, 2, 3))):
        if damaged:
            damage(damaged, rng)
    return bytes(damaged[:most])


def main() -> None:
    warnings.simplefilter("error")
    files = {name: mutants.named(contents) for name, contents in FILES.items() if len(contents) <= LONGEST}
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in files.items():
        (folder / f"seed {name}").write_bytes(contents)
    attacker = mutants.Attacker(Path(tempfile.mkdtemp()), next(iter(files.values())))

    def attack(data: bytes) -> None:
        attacker.attack_one_way(data, zlib.crc32(data))
        if wrong := mutants.bad(attacker.found):
            raise AssertionError(wrong)

    arguments = [sys.argv[0], "-timeout=20", "-rss_limit_mb=4096", f"-max_len={LONGEST}", *sys.argv[1:]]
    atheris.Setup(arguments, attack, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
