"""`ravine doctor`: looks at everything that Ravine needs, and says how to mend what is wrong."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import httpx
from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.database.faults import shown_url
from service.database.migrating import has_schema
from service.errors import ConfigurationError
from service.executors.ray_checking import check_ray
from service.settings import RaySettings, Settings, load, loaded
from service.supervision.addresses import Addresses
from service.supervision.ports import is_free

Status = Literal["ok", "warn", "bad"]
STYLES: dict[Status, str] = {"ok": "green", "warn": "yellow", "bad": "red"}
LOW_DISK_GB, NO_DISK_GB = 2.0, 0.2
ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `mend` says what to do about it; empty when all is well."""

    name: str
    status: Status
    found: str
    mend: str = ""


def checks(settings: Settings) -> Iterator[Check]:
    """All checks, one after the other. Nothing is started, made or changed."""
    home = settings.home.absolute()
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield from version_checks("ravine")
    yield api_check(settings)
    yield mlflow_check(settings)
    yield database_check(settings)
    if settings.executor == "ray":
        yield ray_check(settings)
    yield disk_check(_existing(home))
    yield from permission_checks(home, join_token=settings.join_token_path)
    yield device_check()


def version_checks(package: str) -> Iterator[Check]:
    """The packages that `package` asks for, against what is installed; of those that are well only the largest."""
    try:
        asked = [Requirement(line) for line in requires(package) or ()]
    except PackageNotFoundError:
        yield Check(package, "warn", "not installed as a package", "run make up, or pip install -e .")
        return
    for requirement in asked:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        check = _version_check(requirement)
        if check.status != "ok" or requirement.name in ("torch", "optuna", "mlflow"):
            yield check


def _version_check(requirement: Requirement) -> Check:
    mend = f"pip install -c constraints.txt '{requirement}'"
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Check(requirement.name, "bad", "missing", mend)
    if not requirement.specifier.contains(found, prereleases=True):
        return Check(requirement.name, "bad", found, mend)
    return Check(requirement.name, "ok", found)


def api_check(settings: Settings) -> Check:
    """Whether the API answers, or could begin to."""
    noted = Addresses.of(settings.home)
    url = noted.api if noted else settings.local_url
    if _status(f"{url}/readyz") == httpx.codes.OK:
        return Check("api", "ok", f"answers at {url}")
    return _port_check("api", port=settings.port, host=settings.host, variable="RAVINE_PORT")


def mlflow_check(settings: Settings) -> Check:
    """Whether MLflow answers, or could begin to."""
    noted = Addresses.of(settings.home)
    url = (noted.mlflow if noted else None) or settings.mlflow_server
    if _status(f"{url}/health") == httpx.codes.OK:
        return Check("mlflow", "ok", f"answers at {url}")
    if settings.mlflow_uri:
        mend = "start it, or mend RAVINE_MLFLOW_URI; sweeps go on meanwhile, and what it missed arrives later"
        return Check("mlflow", "warn", f"does not answer at {url}", mend)
    return _port_check("mlflow", port=settings.mlflow_port, host="127.0.0.1", variable="RAVINE_MLFLOW_PORT")


def _port_check(name: str, *, port: int, host: str, variable: str) -> Check:
    if is_free(port, host=host):
        return Check(name, "ok", f"not running; port {port} is free")
    return Check(name, "bad", f"port {port} is taken by another program", f"set {variable} to another port, or to 0")


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=ANSWER_SECONDS).status_code
    except httpx.TransportError:
        return None


def database_check(settings: Settings) -> Check:
    """Whether the database can be used, and has the schema of this code."""
    if settings.database_url is None and not settings.home.exists():
        return Check("database", "ok", f"{settings.database} is made at the first start")
    try:
        is_ready = has_schema(settings.database)
    except ConfigurationError as error:
        return _refused("database", error=error)
    shown = shown_url(settings.database)
    return Check("database", "ok", shown if is_ready else f"{shown} gets its schema at the first start")


def ray_check(settings: Settings) -> Check:
    """Whether Ray answers, and whether it asks for a token and takes ours."""
    try:
        ray = loaded(RaySettings)
        check_ray(settings, ray=ray)
    except ConfigurationError as error:
        return _refused("ray", error=error)
    return Check("ray", "ok", f"answers at {ray.ray_address}, and asks for its token")


def _refused(name: str, *, error: ConfigurationError) -> Check:
    if error.errors:
        return Check(name, "bad", f"{error.errors[0].field}: {error.errors[0].message}", error.errors[0].mend)
    found, _, mend = error.detail.partition("; ")
    return Check(name, "bad", found, mend.rstrip("."))


def disk_check(folder: Path) -> Check:
    """Whether there is space where the state lies."""
    free_gb = shutil.disk_usage(folder).free / 1e9
    found = f"{free_gb:.1f} GB free at {folder}"
    if free_gb >= LOW_DISK_GB:
        return Check("disk", "ok", found)
    mend = "free some space, or set RAVINE_HOME to a folder on another disk"
    return Check("disk", "warn" if free_gb >= NO_DISK_GB else "bad", found, mend)


def permission_checks(home: Path, *, join_token: Path) -> Iterator[Check]:
    """Whether the state can be written by its owner, and read by nobody else."""
    if not home.exists():
        yield Check("home", "ok", f"{home} is made at the first start")
        return
    yield _mode_check("home", path=home, wanted=0o700, others=0o022)
    if join_token.exists():
        yield _mode_check("join token", path=join_token, wanted=0o600, others=0o077)


def _mode_check(name: str, *, path: Path, wanted: int, others: int) -> Check:
    """`others` are the permissions that nobody but the owner may have."""
    mode = path.stat().st_mode & 0o777
    found = f"{path} has mode {mode:03o}"
    if mode & wanted != wanted or mode & others:
        return Check(name, "bad", found, f"chmod {wanted:03o} {path}")
    return Check(name, "ok", found)


def device_check() -> Check:
    """What there is to train on. A GPU that the installed torch cannot use is a warning."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Check("device", "ok", "Apple GPU (mps)")
    gpus = _gpus()
    if not gpus:
        return Check("device", "ok", "CPU only")
    if version("torch").endswith("+cpu"):
        mend = "pip install --force-reinstall torch from an index with CUDA builds (pytorch.org tells which)"
        return Check("device", "warn", f"{gpus}, but torch is built for CPUs", mend)
    return Check("device", "ok", gpus)


def _gpus() -> str:
    try:
        names = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ", ".join(names.stdout.split("\n")).strip(", ")


def _existing(folder: Path) -> Path:
    """The folder, or the closest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def main() -> None:
    """Prints all checks; exits with 1 when one is bad."""
    console = Console()
    try:
        found = list(checks(load()))
    except ConfigurationError as error:
        found = [Check("settings", "bad", error.detail, "see the table of settings in README")]
    table = Table("", "what", "found", "how to mend it", box=None, header_style="bold")
    for check in found:
        status = f"[{STYLES[check.status]}]{check.status}[/]"
        table.add_row(status, check.name, escape(check.found), escape(check.mend))
    console.print(table)
    sys.exit(1 if any(check.status == "bad" for check in found) else 0)


if __name__ == "__main__":
    main()
