"""The source of a plugin, as far as it is sure what belongs to it."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from trainer.plugins import Plugin


def source_digest(plugin: Plugin[Any]) -> str:
    """What a sweep is pinned to: a SHA-256 (hex).

    Of a file by itself that of its content, whatever it imports. Of a function in a package that of the names and
    contents of all `*.py` files in the package's folder and below, sorted by path.
    """
    folders = _package_folders(plugin)
    if not folders:
        return sha256(plugin.source.read_bytes()).hexdigest()
    digest = sha256()
    for folder in folders:
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
        for name in sorted(files):
            digest.update(f"{name} {sha256(files[name].read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _package_folders(plugin: Plugin[Any]) -> tuple[Path, ...]:
    module = sys.modules.get(plugin.function.__module__)
    package = sys.modules.get(getattr(module, "__package__", None) or "")
    return tuple(Path(folder) for folder in getattr(package, "__path__", ()))
