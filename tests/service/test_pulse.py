"""The file whose age tells whether a process still works."""

import os
from pathlib import Path

from service.pulse import PULSE_SECONDS, Pulse


def age(file: Path) -> None:
    """Makes the file old."""
    os.utime(file, (0, 0))


def test_a_beat_touches_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    pulse = Pulse(file)
    pulse.beat(now=100.0)
    age(file)
    pulse.beat(now=100.0 + PULSE_SECONDS)
    assert file.stat().st_mtime > 0


def test_beats_in_quick_succession_cost_nothing(tmp_path: Path) -> None:
    file = tmp_path / "pulse"
    pulse = Pulse(file)
    pulse.beat(now=100.0)
    age(file)
    pulse.beat(now=100.0 + PULSE_SECONDS / 2)
    assert file.stat().st_mtime == 0
    assert pulse.due_at == 100.0 + PULSE_SECONDS


def test_without_a_file_nothing_is_due() -> None:
    pulse = Pulse(None)
    pulse.beat(now=100.0)
    assert pulse.due_at is None
