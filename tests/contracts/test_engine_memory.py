"""The fused engine when memory runs out: half as many rows at a time go on, to the bit."""

import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trainer.assignments import numbers
from tests.trainer.own_problems import ROOT
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, MetricConfig, ProblemConfig
from trainer.engine import train
from trainer.own.discovery import discover
from trainer.pauses import AS_A_SERVICE
from trainer.settings import Settings

GREEDY = '''
import torch
from torch import nn
from torch._C import _functorch
from trainer.plugins import Problem, problem

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(5))
Y = (X.sum(dim=1) > 0).long()

def num_rows(tensor):
    return len(_functorch.get_unwrapped(tensor)) if _functorch.is_batchedtensor(tensor) else 1

def check(tensor, most, error):
    """As an allocator that has room for so many rows."""
    if num_rows(tensor) > most:
        raise {"torch": torch.OutOfMemoryError, "python": MemoryError}[error]("CUDA out of memory. Tried to allocate")
    return tensor

class Layers(nn.Module):
    def __init__(self, most, error):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
        self.most, self.error = most, error
    def forward(self, x):
        return check(self.layers(x), self.most, self.error)  # after BatchNorm has seen the batch

@problem("greedy", task="classification")
def greedy(*, most: int = 3, error: str = "torch") -> Problem:
    return Problem(model=lambda: Layers(most, error), train=(X, Y), validation=(X, Y), test=(X, Y))
'''


def trial(attempt: int, *, most: int, error: str = "torch") -> Assignment:
    return Assignment(
        attempt=attempt,
        sweep="sweep",
        trial=attempt,
        problem=ProblemConfig(plugin="greedy", settings={"most": most, "error": error}),
        settings=Settings(learning_rate=0.01 * attempt, momentum=0.9, batch_size=16),
        epochs=3,
        seed=attempt,
        metric=MetricConfig(name="val_loss", goal="minimize"),
        rungs=(1,),
        engine="fused",
        width=8,
    )


def run(*trials: Assignment, checkpoints: CheckpointStore, slots: int = 8) -> ScriptedSource:
    source = ScriptedSource(trials, judge=keep_weights)
    pauses = replace(AS_A_SERVICE, ahead_seconds=0.002)
    train(source, slots=slots, device="cpu", checkpoints=checkpoints, pauses=pauses)
    return source


@pytest.fixture
def greedy(tmp_path: Path) -> None:
    path = tmp_path / "greedy.py"
    path.write_text(GREEDY)
    discover([str(path)])


@pytest.mark.usefixtures("greedy")
@pytest.mark.parametrize(("most", "error"), [(3, "torch"), (4, "python"), (7, "torch")])
def test_out_of_memory_halves_the_width_and_every_row_goes_on_to_the_bit(
    checkpoints: CheckpointStore, most: int, error: str
) -> None:
    trials = [trial(attempt, most=most, error=error) for attempt in range(1, 11)]
    source = run(*trials, checkpoints=checkpoints)
    assert source.endings() == []
    assert sorted(source.starts) == list(range(1, 11))
    for one in trials:
        alone = run(one, checkpoints=checkpoints)
        assert numbers(source.reports(one.attempt)) == numbers(alone.reports(one.attempt))
        assert [note for note in source.kept() if note.attempt == one.attempt] == alone.kept()


@pytest.mark.usefixtures("greedy")
def test_where_a_single_row_has_no_room_it_fails_and_says_so(checkpoints: CheckpointStore) -> None:
    source = run(*(trial(attempt, most=0) for attempt in (1, 2)), checkpoints=checkpoints)
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(1, "FAILED"), (2, "FAILED")]
    assert all("out of memory" in ending.reason for ending in source.endings())


ROOMY = """
import torch
from torch import nn
from trainer.plugins import Problem, problem

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(5))
RAMP = torch.linspace(0, 1, 5_000)

class Waves(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 8)
    def forward(self, x):
        return (self.layer(x)[..., None] * RAMP).sin().mean(dim=-1)  # 2.5 MB and more for each row

@problem("roomy", task="regression")
def roomy() -> Problem:
    return Problem(model=Waves, train=(X, X.repeat(1, 3)[:, :8]), validation=(X[:2], X[:2].repeat(1, 3)[:, :8]),
                   test=(X, X.repeat(1, 3)[:, :8]))
"""

CHILD = """
import logging, resource, sys
from pathlib import Path
from tests.contracts.test_engine_memory import Limited, run_roomy
from trainer.own.discovery import discover

logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
discover([sys.argv[1]])
whole, limited = (run_roomy(Path(sys.argv[2]), share=share) for share in (None, 0.7))
assert whole == limited, "the rows end otherwise"
assert len(whole) == 8, whole
"""


class Limited(ScriptedSource):
    """From the first update on, the process has this share of the room that the update took."""

    share: float | None = None

    def started(self, attempt: int) -> None:
        super().started(attempt)
        if self.share is not None and len(self.starts) == 1:
            peak, now = (status_bytes(name) for name in ("VmPeak:", "VmSize:"))
            resource.setrlimit(resource.RLIMIT_AS, (now + int(self.share * (peak - now)), -1))


def status_bytes(name: str) -> int:
    """Of this process, by /proc."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def run_roomy(folder: Path, *, share: float | None) -> list[list[dict[str, float | None]]]:
    """What 8 rows report, none of which may fail; with a `share` of the memory that they take together."""
    of = trial(1, most=0).model_copy(update={"problem": ProblemConfig(plugin="roomy"), "epochs": 1})
    source = Limited([of.model_copy(update={"attempt": attempt, "seed": attempt}) for attempt in range(1, 9)])
    source.share = share
    train(source, slots=8, device="cpu", checkpoints=CheckpointStore(folder))
    assert source.endings() == [], source.endings()
    return [numbers(source.reports(attempt)) for attempt in range(1, 9)]


def test_when_the_allocator_refuses_half_as_many_rows_go_on(tmp_path: Path) -> None:
    path = tmp_path / "roomy.py"
    path.write_text(ROOMY)
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(tmp_path / "files")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "8 rows are stepped 4 at a time from now on" in done.stderr
