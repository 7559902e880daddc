"""How the extension modules are compiled where the compiler is not of the GNU kind; pyproject.toml names it.

The options in pyproject.toml are GCC's and Clang's, which both take them on every system. MSVC has other words for
what it has, and calls the rest an unknown option.
"""

from __future__ import annotations

from setuptools import Extension
from setuptools.command.build_ext import build_ext

#: GNU option -> MSVC's. What is missing here has no meaning there.
_MSVC = {"-O1": "/O1", "-O2": "/O2", "-O3": "/O2", "-ffp-contract=off": "/fp:precise"}


def msvc_options(options: list[str]) -> list[str]:
    """What MSVC is told instead; C11 for `restrict` and static assertions."""
    return ["/std:c11", *(_MSVC[option] for option in options if option in _MSVC)]


class BuildExtensions(build_ext):
    """setuptools' own, with options in the words of the compiler."""

    def build_extensions(self) -> None:
        """Compile them."""
        if self.compiler.compiler_type == "msvc":
            for extension in self.extensions:
                extension.extra_compile_args = msvc_options(extension.extra_compile_args)
        super().build_extensions()

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Those of a Python module; the library of TensorFlow's ops is none, and names its own."""
        return [] if ext.name == "dicomdecode.tfop._ops" else list(super().get_export_symbols(ext))
