"""The code that goes to Ray's nodes: one zip, the same bytes for the same content, named by its hash."""

import hashlib
import io
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from service.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
PACKAGES = ("service", "sweeps", "trainer")
THE_SAME_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can name
THE_SAME_MODE = 0o644 << 16


@dataclass(frozen=True)
class RayPackage:
    """A zip that a job unpacks into its working folder. `problems`: what RAVINE_PROBLEMS is in there."""

    content: bytes
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in Ray's store; the form is Ray's."""
        return f"_ray_pkg_{hashlib.sha256(self.content).hexdigest()[:32]}.zip"

    @property
    def uri(self) -> str:
        """Its name in a runtime environment."""
        return f"gcs://{self.name}"


def ray_package(problems: tuple[str, ...]) -> RayPackage:
    """Our packages and the problems that lie in files here.

    A file goes as problems/<n>/<its name>. A module or package that Python finds here outside its installed packages
    goes under its own name; any other has to be installed on the nodes. Raises ConfigurationError.
    """
    files = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in _files(ROOT / name)}
    names = []
    for number, problem in enumerate(problems):
        if problem.endswith(".py"):
            names.append(f"problems/{number}/{Path(problem).name}")
            files[names[-1]] = Path(problem)
        else:
            names.append(problem)
            files |= _module_files(problem.split(".")[0])
    return RayPackage(content=_zip(files), problems=tuple(names))


def _module_files(name: str) -> dict[str, Path]:
    """The files of a module that lies here, by their names below where it is imported from."""
    spec = find_spec(name)
    if spec is None or spec.origin is None or not spec.has_location:
        return {}
    path = Path(spec.origin)
    installed = (Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib"))
    if any(folder in path.parents for folder in installed):
        return {}
    if spec.submodule_search_locations is None:
        return {path.name: path}
    return {file.relative_to(path.parents[1]).as_posix(): file for file in _files(path.parent)}


def _files(folder: Path) -> Iterator[Path]:
    """All that Python did not make there."""
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _zip(files: dict[str, Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=THE_SAME_DATE)
            entry.external_attr = THE_SAME_MODE
            archive.writestr(entry, _content(files[name]), compress_type=zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"RAVINE_PROBLEMS: {path} cannot be read ({error.strerror}).") from error
