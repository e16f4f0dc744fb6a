"""Where data lie that are larger than the memory of a device, and what becomes of a training then."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.trainer.assignments import assignment
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment
from trainer.data.datasets import load
from trainer.data.placing import MOST_SHARE, placed, why_elsewhere
from trainer.errors import ProblemError, StackingError
from trainer.fused.opening import FusedStacks
from trainer.problem import Problem, build_problem
from trainer.serial import SerialStack
from trainer.task import Probe, RangeTest
from trainer.tasks.probe import probed
from trainer.tasks.range_test import range_curve

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
WINE = load("wine")
NUM_BYTES = sum(tensor.nbytes for part in (WINE.train, WINE.validation, WINE.test) for tensor in part)
OF = assignment({"learning_rate": 0.05, "momentum": 0.9, "batch_size": 7}, epochs=3)


def built(folder: Path, *, device: torch.device = CPU, of: Assignment = OF) -> Problem:
    return build_problem(of.problem, device=device, files=CheckpointStore(folder), metric=of.metric)


@pytest.mark.parametrize(("free", "device"), [(1, ELSEWHERE), (-1, CPU)])
def test_data_go_to_the_device_unless_they_are_too_many_for_it(free: int, device: torch.device) -> None:
    found = placed(WINE, device=ELSEWHERE, free=lambda _: int(NUM_BYTES / MOST_SHARE) + free)
    assert {tensor.device for part in (found.train, found.validation, found.test) for tensor in part} == {device}
    assert found.preprocessing == WINE.preprocessing


def test_nobody_asks_for_room_where_the_data_lie_already() -> None:
    def ask(device: torch.device) -> int:
        raise AssertionError(device)

    assert placed(WINE, device=CPU, free=ask) is WINE
    assert why_elsewhere(WINE.train, WINE.validation, device=CPU) is None


def test_what_lies_elsewhere_is_trained_serial_and_the_probe_says_why(tmp_path: Path) -> None:
    of = Probe(problem=OF.problem, settings=OF.settings, metric=OF.metric, seed=3, most_rows=8)
    found = probed(of, problem=built(tmp_path), device=ELSEWHERE, beat=lambda: None)
    assert (found.engine, found.serial_us) == ("serial", None)
    assert found.reason is not None
    assert found.reason.startswith(
        "wine has 0 MiB of data, too many for the memory of meta: they stay in the machine's"
    )
    assert "a device with more memory" in found.reason


def test_stacks_by_hand_are_refused_there_and_another_worker_may_have_more_room(tmp_path: Path) -> None:
    stacks = FusedStacks(device=ELSEWHERE, ahead_seconds=0, beat=lambda: None)
    with pytest.raises(ProblemError, match=r"wine has 0 MiB of data.*or set engine: auto") as raised:
        stacks.open(OF, problem=built(tmp_path), width=4)
    assert not isinstance(raised.value, StackingError)


def reported(of: Assignment, *, problem: Problem, device: torch.device) -> list[list[float | None]]:
    """All numbers of each epoch but how long it took."""
    stack = SerialStack(device=device)
    training = stack.add(of, problem=problem)
    epochs: list[list[float | None]] = []
    while not training.completed:
        for _, progress in stack.advance():
            assert progress.error is None
            if progress.metrics is not None:
                epochs.append([value for name, value in progress.metrics.items() if name != "epoch_seconds"])
    return epochs


def flat(epochs: Sequence[Sequence[float | None]]) -> list[float]:
    return [value for epoch in epochs for value in epoch if value is not None]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_moved_to_a_gpu_that_has_no_room_for_all(tmp_path: Path, shuffle: bool) -> None:
    gpu = torch.empty(0, device="cuda").device
    of = OF.model_copy(update={"settings": OF.settings.model_copy(update={"shuffle": shuffle})})
    there, beside = (reported(of, problem=built(tmp_path, device=device), device=gpu) for device in (gpu, CPU))
    assert len(beside) == 3
    assert flat(beside) == pytest.approx(flat(there), rel=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_the_range_test_does_too(tmp_path: Path) -> None:
    gpu = torch.empty(0, device="cuda").device
    test = RangeTest(problem=OF.problem, settings=OF.settings, seed=1, num_rates=4, num_updates=3)
    curves = [
        range_curve(test, problem=built(tmp_path, device=device), device=gpu, beat=lambda: None)
        for device in (gpu, CPU)
    ]
    assert curves[1].losses == pytest.approx(curves[0].losses, rel=1e-4)
