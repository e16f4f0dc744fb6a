"""Both engines on a GPU: they train there, rows come and go, and a trial moves between devices.

That the engines agree there is in test_fused_against_serial.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.contracts.many_rows import Engine, trial
from tests.trainer.assignments import WINE, numbers
from tests.trainer.companies import built, in_double, row_of
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from tests.trainer.side_by_side import by_fused, by_serial, distance
from tests.trainer.stories import GROUPS, IMAGES, problem_of
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CheckpointRef
from trainer.device import device_named
from trainer.fused.stack import FusedStack
from trainer.group import EngineName
from trainer.report import EpochReport, Verdict
from trainer.serial import SerialStack
from trainer.settings import Settings
from trainer.stack import Stack

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

OF = Settings(learning_rate=0.02, momentum=0.9, weight_decay=1e-3, batch_size=16)
ENGINES: tuple[EngineName, ...] = ("serial", "fused")


@pytest.fixture
def checkpoints(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


def losses(reports: Sequence[EpochReport]) -> list[float]:
    """Of training and held-out, an epoch after the other."""
    return [value or 0.0 for of in numbers(list(reports)) for name, value in of.items() if name.endswith("loss")]


@pytest.mark.parametrize("engine", ENGINES)
def test_data_and_all_of_a_row_lie_on_the_device(engine: EngineName) -> None:
    gpu = device_named("cuda")
    problem = built(WINE, device=gpu)
    stack: Stack = SerialStack(device=gpu)
    if engine == "fused":
        stack = FusedStack(device=gpu, width=2, ahead_seconds=0.0)
    training = stack.add(row_of(WINE, settings=OF, attempt=1), problem=problem)
    stack.advance()
    state = stack.state(training)
    tensors = [state.weights.theta, *state.buffers.values(), *problem.train, *problem.validation, *problem.test]
    assert {tensor.device for tensor in tensors} == {gpu}


@pytest.mark.parametrize("name", ["mlp dropout", "linear regression", "quadratic", "cnn dropout", "resnet"])
def test_in_float64_a_gpu_does_what_a_cpu_does(name: str) -> None:
    """Seeds, orders of the data and dropout masks are those of the CPU too."""
    config = {**GROUPS, **IMAGES}[name][0]
    of = OF.model_copy(update={"learning_rate": 1e-3})
    rows = [row_of(config, settings=of, attempt=number, epochs=100) for number in range(3)]
    there = [in_double(problem_of(config, device=device_named("cuda"))) for _ in rows]
    here = in_double(problem_of(config))
    came = by_fused(rows, problems=there, num_updates=40)
    for row, one in zip(rows, came, strict=True):
        assert distance(one, by_serial(row, problem=here, num_updates=40)) <= 1e-9


@pytest.mark.parametrize("ahead_seconds", [0.0, 0.005])
def test_rows_come_and_go_on_a_gpu_as_on_a_cpu(checkpoints: CheckpointStore, ahead_seconds: float) -> None:
    """More trials than slots, of all lengths, some of which diverge."""
    wild = {5: 1e6, 11: 1e6}
    trials = [
        trial(number, learning_rate=wild.get(number, 0.003), momentum=0.5, epochs=1 + number % 5)
        for number in range(1, 20)
    ]
    there = Engine(checkpoints, device="cuda").run(ScriptedSource(trials), ahead_seconds=ahead_seconds)
    here = Engine(checkpoints).run(ScriptedSource(trials), ahead_seconds=ahead_seconds)
    ends = [sorted((ending.attempt, ending.state) for ending in source.endings()) for source in (there, here)]
    assert ends == [[(5, "DIVERGED"), (11, "DIVERGED")]] * 2
    for one in trials:
        of_cpu = losses(here.reports(one.attempt))
        assert of_cpu or one.attempt in wild
        assert losses(there.reports(one.attempt)) == pytest.approx(of_cpu, rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")])
@pytest.mark.parametrize("how", ["drained", "paused"])
def test_a_checkpoint_goes_on_on_another_device(
    checkpoints: CheckpointStore, engine: EngineName, first: str, second: str, how: str
) -> None:
    of = trial(1, engine=engine, learning_rate=0.01, epochs=6)
    whole = Engine(checkpoints).alone(of)
    before = ScriptedSource([of], drain_at=10) if how == "drained" else paused(of)
    Engine(checkpoints, device=first).run(before, slots=1)
    after = ScriptedSource([of.model_copy(update={"checkpoint": left_by(before)})], judge=keep_weights)
    Engine(checkpoints, device=second).run(after, slots=1)
    went_on = {report.epoch: report for report in [*before.reports(), *after.reports()]}
    assert after.reports()[0].epoch > 1
    assert losses(list(went_on.values())) == pytest.approx(losses(whole.reports()), rel=1e-3)
    kept, expected = (checkpoints.load(source.kept()[0].weights).tensors for source in (after, whole))
    for name, tensor in expected.items():
        assert kept[name].cpu() == pytest.approx(tensor, rel=1e-3, abs=1e-4)


def paused(of: Assignment) -> ScriptedSource:
    """A source that pauses the trial after its second epoch."""
    return ScriptedSource([of], judge=verdict_at(2, Verdict.PAUSE))


def left_by(source: ScriptedSource) -> CheckpointRef:
    """The one checkpoint that was written."""
    written = [note.checkpoint for note in source.notes()] + [ending.checkpoint for ending in source.endings()]
    [checkpoint] = written
    assert checkpoint is not None
    return checkpoint
