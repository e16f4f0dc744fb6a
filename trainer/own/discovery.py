"""Which plugins there are in this process: those of installed packages, and of files and modules that were named."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from trainer.errors import ProblemError
from trainer.facts import ProblemFacts
from trainer.own.source import source_digest
from trainer.plugins import Plugin

GROUP = "ravine.problems"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Found:
    """A plugin, and what is said of it to those who do not load it; loaded again it is another one."""

    plugin: Plugin[Any]
    facts: ProblemFacts


_Load: TypeAlias = Callable[[], object]

_found: dict[str, Found] = {}


def discover(paths: Iterable[str]) -> tuple[ProblemFacts, ...]:
    """Load the plugins of these files and modules and of the entry points, for `found`; what was known is forgotten.

    What cannot be imported is logged with its traceback and left out. Of two problems of one name the first stays, and
    named files come before installed packages. The digest in the facts is plugin_source.source_digest.
    """
    _found.clear()
    for origin, load in _places(paths):
        for found in _plugins(load, origin=origin):
            name = found.plugin.name
            if name in _found:
                _log.warning("%s: its problem %r is left out: %s has one too", origin, name, _found[name].plugin.source)
            else:
                _found[name] = found
    return tuple(found.facts for found in _found.values())


def plugin_named(name: str) -> Found:
    """The plugin; ProblemError with the mend where there is none."""
    if name not in _found:
        known = ", ".join(_found) or "none"
        raise ProblemError(
            f"This worker has no problem {name!r} (it has: {known}); install its package here, or name its file in "
            "RAVINE_PROBLEMS (for python -m trainer: in problems)"
        )
    return _found[name]


def blamed_line(error: BaseException, *, name: str) -> str | None:
    """`file.py, line 42`: where in the plugin's own file or package the error came from; None where it did not."""
    if name not in _found:
        return None
    ours = _roots(_found[name].plugin)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if any(path == root or root in path.parents for root in ours):
            return f"{path.name}, line {frame.lineno}"
    return None


def _places(paths: Iterable[str]) -> Iterator[tuple[str, _Load]]:
    for path in paths:
        yield path, _Named(path)
    for entry in entry_points(group=GROUP):
        yield f"entry point {entry.name} = {entry.value}", entry.load


@dataclass(frozen=True)
class _Named:
    """A file (it ends in .py) or a module that can be imported."""

    path: str

    def __call__(self) -> ModuleType:
        return _module_of(Path(self.path).resolve()) if self.path.endswith(".py") else import_module(self.path)


def _module_of(path: Path) -> ModuleType:
    """The file run as a module of its own; not by import, which may take an older version from __pycache__."""
    content = path.read_bytes()
    module = ModuleType(f"ravine_problem_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look for it there
    exec(compile(content, str(path), "exec"), vars(module))
    return module


def _plugins(load: _Load, *, origin: str) -> list[Found]:
    try:
        loaded = load()
        values = list(vars(loaded).values()) if isinstance(loaded, ModuleType) else [loaded]
        found = [Found(value, _facts(value)) for value in values if isinstance(value, Plugin)]
    except (Exception, SystemExit):  # the border around one plugin: its code may raise anything
        _log.exception("%s cannot be loaded, and its problems are left out", origin)
        return []
    if not found:
        _log.warning("%s holds no function under @problem", origin)
    return found


def _facts(plugin: Plugin[Any]) -> ProblemFacts:
    return ProblemFacts(
        name=plugin.name,
        kind="plugin",
        task=plugin.task or "own",
        description=plugin.description,
        digest=source_digest(plugin),
        brings_model=True,
        metrics=plugin.metrics,
        settings={f"problem.{name}": setting.sentence for name, setting in plugin.settings.items()},
        defaults={f"problem.{name}": setting.default for name, setting in plugin.settings.items()},
    )


def _roots(plugin: Plugin[Any]) -> tuple[Path, ...]:
    """The file, and the folder of the package that it belongs to, where it does."""
    package = plugin.function.__module__.split(".")[0]
    module = sys.modules.get(package)
    folders = tuple(Path(folder) for folder in getattr(module, "__path__", ()))
    return (plugin.source, *folders)
