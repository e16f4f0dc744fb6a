"""R11: tests put fakes at seams; they patch nothing."""

import ast
from collections.abc import Iterator

from tests.house.source import Source

PATCHES = ("setattr", "delattr", "setitem", "delitem")


def patches(source: Source) -> Iterator[str]:
    """Uses of monkeypatch on attributes, and of unittest.mock. The environment and the folder may be changed."""
    for name, line in source.imports():
        if name.startswith("unittest.mock") or name == "mock":
            yield f"{source.path}:{line} imports {name}: write a fake for the seam"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in PATCHES and _is_monkeypatch(node.value):
            yield f"{source.path}:{node.lineno} patches: write a fake for the seam"


def _is_monkeypatch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("monkeypatch", "patch", "mp")
