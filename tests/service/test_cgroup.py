"""Counting the kernel's kills for memory."""

from pathlib import Path

import pytest

from service.worker.cgroup import OomKills, oom_kills


def test_the_counts_of_the_own_group_and_of_the_machine_are_read(tmp_path: Path) -> None:
    membership, machine = tmp_path / "cgroup", tmp_path / "vmstat"
    membership.write_text("0::/user/worker\n")
    machine.write_text("pgfault 7\noom_kill 5\n")
    (tmp_path / "user" / "worker").mkdir(parents=True)
    (tmp_path / "user" / "worker" / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert oom_kills(tmp_path, membership=membership, machine=machine) == OomKills(group=2, machine=5)


def test_nobody_counts_where_there_is_no_cgroup(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert oom_kills(tmp_path, membership=missing, machine=missing) == OomKills(None, None)
    (tmp_path / "old").write_text("3:memory:/somewhere\n")
    assert oom_kills(tmp_path, membership=tmp_path / "old", machine=missing) == OomKills(None, None)


@pytest.mark.parametrize(
    ("before", "after", "rose"),
    [
        (OomKills(0, 3), OomKills(1, 4), True),
        (OomKills(1, 3), OomKills(1, 9), False),
        (OomKills(None, 3), OomKills(None, 3), False),
        (OomKills(None, 3), OomKills(None, 4), None),
        (OomKills(None, None), OomKills(None, None), None),
    ],
)
def test_a_kill_elsewhere_on_the_machine_says_nothing_of_the_group(
    before: OomKills, after: OomKills, rose: bool | None
) -> None:
    assert before.rose(to=after) is rose
