"""R1: who imports whom."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from tests.house.source import Source

Graph = Mapping[str, set[str]]

LAYERS = {"trainer": 0, "sweeps": 1, "service": 2}
MAY_REACH_TORCH = ("trainer", "service.trainer_child")


def import_graph(sources: Iterable[Source]) -> Graph:
    """For each module the modules among `sources` that it imports."""
    by_module = {source.module: source for source in sources}
    return {module: set(_imported(source, known=by_module.keys())) for module, source in by_module.items()}


def _imported(source: Source, *, known: Iterable[str]) -> Iterator[str]:
    for name, _ in source.imports():
        module = name if name in known else name.rpartition(".")[0]
        if module in known and module != source.module:
            yield module


def cycles(graph: Graph) -> list[str]:
    """One import cycle, as a line; nothing when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def upward(graph: Graph) -> Iterator[str]:
    """Imports of a layer above."""
    for module, imported in graph.items():
        for other in sorted(imported):
            if LAYERS[other.split(".")[0]] > LAYERS[module.split(".")[0]]:
                yield f"{module} imports {other}, which lies above it"


def reach_torch(sources: Iterable[Source]) -> Iterator[str]:
    """Modules that load torch, by whatever way, and must not."""
    sources = list(sources)
    graph = import_graph(sources)
    loads = {source.module for source in sources if any(name.split(".")[0] == "torch" for name, _ in source.imports())}
    while more := {module for module, imported in graph.items() if module not in loads and imported & loads}:
        loads |= more
    for module in sorted(loads):
        if not module.startswith(MAY_REACH_TORCH):
            yield f"{module} loads torch through {', '.join(sorted(graph[module] & loads)) or 'itself'}"


def imports_in_functions(source: Source) -> Iterator[str]:
    """Imports that hide in a function."""
    for name, function in source.functions():
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{source.path}:{node.lineno} imports inside {name}"
