"""The project's own source, as the house rules see it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("trainer", "sweeps", "service")
PROGRAMS = (*PACKAGES, "examples", "benchmarks")

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the project, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, filename=self.path)

    @property
    def module(self) -> str:
        """The name under which it is imported."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def functions(self) -> Iterator[tuple[str, Function]]:
        """All functions with their dotted names, nested ones and methods too."""
        yield from _functions(self.tree, prefix="")

    def imports(self) -> Iterator[tuple[str, int]]:
        """The names imported anywhere in the file, `from a import b` as a.b, with their lines."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _functions(node: ast.AST, *, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        name = getattr(child, "name", None)
        scope = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from _functions(child, prefix=f"{prefix}{name}." if scope else prefix)


def sources(*folders: str) -> list[Source]:
    """The Python files below these folders of the project."""
    return [_source(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def _source(path: Path) -> Source:
    return Source(path=path.relative_to(ROOT).as_posix(), text=path.read_text(encoding="utf-8"))
