"""Reads in the sources which error codes are raised, and with which class: no code may hide in a variable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "dicomdecode"
KINDS = {
    "MALFORMED": "MalformedError",
    "TRUNCATED": "TruncatedError",
    "UNSUPPORTED": "UnsupportedError",
    "OVER_LIMIT": "LimitError",
}
#: Functions that make or raise an error of this class, and the place of the code among their arguments.
HELPERS = {
    "malformed": ("MalformedError", 1),
    "unsupported": ("UnsupportedError", 1),
    "over_limit": ("LimitError", 1),
    "check_limit": ("LimitError", 1),
}
#: Where such a function hands its own argument on.
PASSED_ON = {"malformed", "unsupported", "over_limit", "check_limit"}

Raised = set[tuple[str, str]]


def _literals(node: ast.expr) -> list[str]:
    """The texts that an expression can be; none where that cannot be told."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _literals(node.body) + _literals(node.orelse)
    return []


def _calls(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the name of the function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef) else function
        if isinstance(node, ast.Call):
            yield inner, node
        yield from _calls(node, inner)


def _assigned(tree: ast.AST, name: str) -> list[str]:
    return [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
        for text in _literals(node.value)
    ]


def in_python(text: str) -> Raised:
    """(class, code) of every error that a Python source raises.

    Raises
    ------
    ValueError
        A code that is not written where it is raised.
    """
    tree = ast.parse(text)
    found: Raised = set()
    for function, call in _calls(tree):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        kind, place = HELPERS.get(name, (name, -1))
        if not kind.endswith("Error"):
            continue
        code = next((keyword.value for keyword in call.keywords if keyword.arg == "code"), None)
        if code is None and 0 <= place < len(call.args):
            code = call.args[place]
        if code is None:
            continue  # no error of ours
        codes = _literals(code) or (_assigned(tree, code.id) if isinstance(code, ast.Name) else [])
        if not codes and function not in PASSED_ON:
            raise ValueError(f"line {call.lineno}: the code of this {kind} cannot be told")
        found |= {(kind, each) for each in codes}
    return found


def of_calls(text: str, name: str, place: int) -> set[str]:
    """The codes in calls of one function, its argument `code` or that at `place`; those handed on by variables not."""
    found: set[str] = set()
    for _, call in _calls(ast.parse(text)):
        if isinstance(call.func, ast.Name) and call.func.id == name:
            given = [keyword.value for keyword in call.keywords if keyword.arg == "code"] or call.args[
                place : place + 1
            ]
            found |= {text for value in given for text in _literals(value)}
    return found


def in_cython(text: str) -> Raised:
    """(class, code) of every error that a Cython or C source raises, by `fail`, `j2k_fail` or `raise`."""
    found: Raised = set()
    for kind, code in re.findall(r'\bj2k_fail\(fault, J2K_(\w+),\s*"(\w+)"', text):
        found |= {(KINDS[kind], code)} if kind in KINDS else set()
    for kinds, code in re.findall(r'\bfail\(\s*&?fault,([^")]*?)b?"(\w+)"', text):
        found |= {(KINDS[kind], code) for kind in re.findall(r"[A-Z_]{4,}", kinds) if kind in KINDS}
    found |= {("MalformedError", code) for code in re.findall(r'\bmalformed\(fault, b?"(\w+)"', text)}
    found |= set(re.findall(r'raise (\w+Error)\((?:[^()]|\([^()]*\))*?code="(\w+)"', text))
    for call in re.findall(r"\bover_limit\(((?:[^()]|\([^()]*\))*)\)", text):
        found |= {("LimitError", code) for code in re.findall(r'"(limit_\w+)"', call)}
    for line in re.findall(r"^ *code = (.*)$", text, re.MULTILINE):
        found |= {("LimitError", code) for code in re.findall(r'"(limit_\w+)"', line)}
    return found


def everywhere() -> dict[str, set[str]]:
    """Each code that is raised anywhere in the package, and the classes it is raised with."""
    found: dict[str, set[str]] = {}
    for path in sorted([*FOLDER.rglob("*.p*"), *FOLDER.rglob("*.c")]):
        if path.suffix in (".py", ".pyx", ".pxi", ".c"):
            read = in_python if path.suffix == ".py" else in_cython
            for kind, code in read(path.read_text(encoding="utf-8")):
                found.setdefault(code, set()).add(kind)
    return found
