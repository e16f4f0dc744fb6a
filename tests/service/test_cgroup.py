"""Counting the kernel's kills for memory."""

from pathlib import Path

from service.worker.cgroup import num_oom_kills


def test_the_count_of_the_own_group_is_read(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("0::/user/worker\n")
    (tmp_path / "user" / "worker").mkdir(parents=True)
    (tmp_path / "user" / "worker" / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert num_oom_kills(tmp_path, membership=membership) == 2


def test_nobody_counts_where_there_is_no_cgroup(tmp_path: Path) -> None:
    assert num_oom_kills(tmp_path, membership=tmp_path / "missing") is None
    (tmp_path / "old").write_text("3:memory:/somewhere\n")
    assert num_oom_kills(tmp_path, membership=tmp_path / "old") is None
