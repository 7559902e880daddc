"""Run with the interpreter that a wheel was installed in: what the wheel holds, and that it works alone.

python check_wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path


def main(path: str) -> None:
    names = zipfile.ZipFile(path).namelist()
    modules = {Path(n).name.split(".")[0] for n in names if n.endswith((".so", ".pyd"))}
    stubs = {Path(n).stem for n in names if n.endswith(".pyi")}
    assert {"_reading", "_plans", "_core", "_rle"} <= modules, modules
    assert modules - {"_ops"} <= stubs, f"extension modules without a stub: {modules - stubs}"  # _ops is no Python
    assert "dicomdecode/py.typed" in names
    size = Path(path).stat().st_size
    assert size < 1_200_000, f"a wheel of {size} bytes"
    unwanted = [
        n
        for n in names
        if n.endswith((".c", ".h", ".o", ".pxd", ".pyx", ".dcm", ".html")) or n.startswith(("tests/", "benchmarks/"))
    ]
    assert not unwanted, unwanted

    from pydicom.data import get_testdata_file

    import dicomdecode

    assert dicomdecode.imread(get_testdata_file("CT_small.dcm")).shape == (128, 128)
    print(f"{len(modules)} extension modules, {len(stubs)} stubs, {size} bytes: works")


if __name__ == "__main__":
    main(sys.argv[1])
