"""How much memory a process may still take: the least of what device, machine, control group and limits leave it."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

MEBIBYTE = 1 << 20


def free_bytes(device: torch.device, *, memory_mb: int | None = None) -> int:
    """On a GPU what it has free (with what torch keeps unused); elsewhere what this process may still take.

    `memory_mb` is a limit on the process' resident memory (MiB), where it has one.
    """
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    return max(0, min(_limits(memory_mb)))


def of_control_groups(
    root: Path = Path("/sys/fs/cgroup"), *, membership: Path = Path("/proc/self/cgroup")
) -> Iterator[int]:
    """Of this process' group and of each above it: its limit less its use, files that can be dropped apart."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for kind in (_V2, _V1):
        for own in (line[line.index("/") :] for line in lines if kind.named in line):
            group = root / kind.folder / own.lstrip("/")
            for folder in (group, *group.parents):
                yield from _of_group(folder, kind=kind)


def _limits(memory_mb: int | None) -> Iterator[int]:
    yield _field(Path("/proc/meminfo"), name="MemAvailable:") * 1024
    yield from of_control_groups()
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        yield most - _field(Path("/proc/self/status"), name="VmSize:") * 1024
    if memory_mb is not None:
        yield memory_mb * MEBIBYTE - _field(Path("/proc/self/status"), name="VmRSS:") * 1024


@dataclass(frozen=True)
class _Kind:
    """One of the two versions of control groups: how it is marked in the membership, its folder and its files."""

    named: str
    folder: str
    most: str
    used: str
    droppable: str


_V2 = _Kind("0::", "", "memory.max", "memory.current", "inactive_file")
_V1 = _Kind(":memory:", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _of_group(folder: Path, *, kind: _Kind) -> Iterator[int]:
    try:
        most, used = (folder / kind.most).read_text().strip(), int((folder / kind.used).read_text())
        if most != "max":
            yield int(most) - used + _field(folder / "memory.stat", name=kind.droppable)
    except (OSError, ValueError, StopIteration):  # no such control here
        return


def _field(path: Path, *, name: str) -> int:
    lines = path.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == name)
