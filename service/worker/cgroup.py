"""What Linux says of memory that ran out: cgroup v2's memory.events, and the count of the whole machine."""

from dataclasses import dataclass
from pathlib import Path

GROUPS, MEMBERSHIP, MACHINE = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"), Path("/proc/vmstat")


@dataclass(frozen=True)
class OomKills:
    """How many processes the kernel killed for memory so far: of one group and on the machine, None: nobody counts."""

    group: int | None
    machine: int | None

    def rose(self, *, to: "OomKills") -> bool | None:
        """Whether the group lost a process between two counts; None where nobody can say."""
        if self.group is not None and to.group is not None:
            return to.group > self.group
        return False if self.machine is not None and to.machine == self.machine else None


def oom_kills(groups: Path = GROUPS, *, membership: Path = MEMBERSHIP, machine: Path = MACHINE) -> OomKills:
    """The counts now, of the group of this process and of the machine."""
    return OomKills(_of_group(groups, membership=membership), _counted(machine))


def _of_group(groups: Path, *, membership: Path) -> int | None:
    try:
        group = next(line[3:] for line in membership.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    return _counted(groups / group.lstrip("/") / "memory.events")


def _counted(file: Path) -> int | None:
    try:
        return int(next(line.split()[1] for line in file.read_text().splitlines() if line.startswith("oom_kill ")))
    except (OSError, StopIteration):
        return None
