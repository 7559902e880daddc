"""How the extension modules are compiled where the compiler is not GCC; pyproject.toml names it.

The options in pyproject.toml are GCC's. Clang knows all of them but one; MSVC has other words for what it has, and
calls the rest an unknown option.
"""

from __future__ import annotations

import subprocess
import sys

from setuptools import Extension
from setuptools.command.build_ext import build_ext

#: GNU option -> MSVC's. What is missing here has no meaning there.
_MSVC = {"-O1": "/O1", "-Os": "/O1", "-O2": "/O2", "-O3": "/O2", "-ffp-contract=off": "/fp:precise"}
#: What GCC alone knows: at -O2 it vectorises as freely as at -O3, and wheels stay small. Clang always does.
_GCC_ONLY = {"-fvect-cost-model=dynamic"}


def msvc_options(options: list[str]) -> list[str]:
    """What MSVC is told instead; C11 for `restrict` and static assertions."""
    return ["/std:c11", *(_MSVC[option] for option in options if option in _MSVC)]


def clang_options(options: list[str]) -> list[str]:
    """What Clang is told instead."""
    return [option for option in options if option not in _GCC_ONLY]


def is_clang(command: list[str]) -> bool:
    """Whether a compiler is Clang, or one of its kind (zig)."""
    return "clang" in subprocess.run([*command, "--version"], capture_output=True, text=True).stdout.lower()


class BuildExtensions(build_ext):
    """setuptools' own, with options in the words of the compiler."""

    def run(self) -> None:
        """Build them. Those in place are built elsewhere and copied, so that only here it is known which they are.

        Nor may they lie where a wheel is made from what is there already.
        """
        self.keeps_symbols = bool(self.inplace)
        if self.inplace:
            self.build_lib += "-in-place"
            self.build_temp += "-in-place"
        super().run()

    def build_extensions(self) -> None:
        """Compile them."""
        translate = None
        if self.compiler.compiler_type == "msvc":
            translate = msvc_options
        elif is_clang(self.compiler.compiler_so):
            translate = clang_options
        for extension in self.extensions:
            if translate is not None:
                extension.extra_compile_args = translate(extension.extra_compile_args)
            if sys.platform == "linux" and not self.keeps_symbols:
                # What debuggers and profilers need is in builds in place: names of static functions, and the tables by
                # which a stack is walked, which C itself does not use.
                extension.extra_compile_args.append("-fno-asynchronous-unwind-tables")
                extension.extra_link_args = ["-Wl,-s"]
        super().build_extensions()

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Those of a Python module; the library of TensorFlow's ops is none, and names its own."""
        return [] if ext.name == "dicomdecode.tfop._ops" else list(super().get_export_symbols(ext))
