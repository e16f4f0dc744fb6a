"""bfloat16 on request: as good a training by either engine, float32 wherever digits count, a row like any other."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from tests.trainer.companies import CPU, Company, alone, assert_as_alone, built, cut, row_of
from tests.trainer.own_models import discover_models
from tests.trainer.side_by_side import Came, by_fused, by_serial
from tests.trainer.stories import GROUPS, IMAGES, Story, on, played, problem_of, stories
from trainer.config import Assignment, CnnModel, MlpModel, ModelConfig, Precision
from trainer.device import device_named
from trainer.errors import EngineError
from trainer.fused.stack import FusedStack
from trainer.precision import in_precision
from trainer.problem import Problem
from trainer.serial import SerialStack
from trainer.settings import Settings
from trainer.stack import Stack

NUM_ROWS = 3


@pytest.fixture(scope="module", autouse=True)
def _own_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    discover_models(tmp_path_factory.mktemp("own"))


def in_bfloat16(row: Assignment) -> Assignment:
    return row.model_copy(update={"precision": "bfloat16"})


def rows_of(model: ModelConfig, *, precision: Precision, epochs: int) -> list[Assignment]:
    of = Settings(learning_rate=0.05, momentum=0.9, batch_size=32)
    rows = [row_of(on("digits", model), settings=of, attempt=number, epochs=epochs) for number in range(NUM_ROWS)]
    return [row.model_copy(update={"precision": precision}) for row in rows]


def mean_accuracy(came: list[Came]) -> float:
    return sum(one.scores["val_accuracy"] or 0.0 for one in came) / len(came)


@pytest.mark.parametrize(
    ("model", "epochs", "at_least"), [(MlpModel(hidden=(64,)), 6, 0.95), (CnnModel(channels=(8, 16)), 6, 0.85)]
)
def test_both_engines_learn_as_well_as_in_float32(model: ModelConfig, epochs: int, at_least: float) -> None:
    problem = built(on("digits", model))
    accuracies = []
    for precision in ("float32", "bfloat16"):
        rows = rows_of(model, precision=precision, epochs=epochs)
        fused = by_fused(rows, problems=[problem] * NUM_ROWS, num_updates=10_000)
        serial = [by_serial(row, problem=problem, num_updates=10_000) for row in rows]
        accuracies += [mean_accuracy(fused), mean_accuracy(serial)]
    assert min(accuracies) > at_least
    assert max(accuracies) - min(accuracies) < 0.05


@pytest.mark.parametrize("model", [MlpModel(hidden=(16,), dropout=0.2), CnnModel(channels=(4,))])
@pytest.mark.parametrize("stack", [SerialStack(device=CPU), FusedStack(device=CPU, width=2, ahead_seconds=0.0)])
def test_weights_optimizer_and_what_is_scored_are_float32(model: ModelConfig, stack: Stack) -> None:
    scored: list[torch.dtype] = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        scored.append(outputs.dtype)
        return nn.functional.cross_entropy(outputs, targets)

    problem = cut(built(on("digits", model)), num_examples=40)
    of_own_loss = replace(problem, loss=loss)
    [row, *_] = rows_of(model, precision="bfloat16", epochs=1)
    training = stack.add(row, problem=of_own_loss)
    while not training.completed:
        stack.advance()
    state = stack.state(training)
    stack.remove(training)
    assert set(scored) == {state.weights.theta.dtype} | {one.dtype for one in state.buffers.values()} == {torch.float32}


def test_it_is_bfloat16_that_is_computed_in() -> None:
    x, y = torch.full((1, 1), 1.0 + 2**-12), torch.ones(1, 1)
    assert in_precision(torch.matmul, precision="float32", device=CPU)(x, y) == x
    assert in_precision(torch.matmul, precision="bfloat16", device=CPU)(x, y) == 1.0


def test_numbers_of_other_types_stay_as_they_are() -> None:
    x = torch.full((1, 1), 1.0 + 2**-12, dtype=torch.float64)
    answer = in_precision(torch.matmul, precision="bfloat16", device=CPU)(x, x)
    assert answer.dtype is torch.float64
    assert answer == x * x


def test_float32_is_float32_on_every_device() -> None:
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True  # as torch has it
        assert device_named("cpu") == CPU
        assert not torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before


def test_a_device_without_it_is_refused_and_takes_float32() -> None:
    without = torch.device("meta")
    with pytest.raises(EngineError, match="meta computes nothing in bfloat16 here; use precision: float32"):
        in_precision(torch.matmul, precision="bfloat16", device=without)
    assert in_precision(torch.matmul, precision="float32", device=without) is torch.matmul


@given(story=stories(groups=GROUPS, widths=(1, 2, 4)))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_row_is_bit_equal_in_any_company(story: Story) -> None:
    check_story(story, width=1)


@given(story=stories(groups=IMAGES, widths=(3,)))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_with_convolutions_a_row_is_bit_equal_at_the_same_width(story: Story) -> None:
    check_story(story, width=3)


def check_story(story: Story, *, width: int) -> None:
    told = Story(tuple(map(in_bfloat16, story.rows)), story.width, story.ahead_seconds, story.events)
    problems = {row.attempt: problem_of(row.problem) for row in told.rows}
    company = played(told, problems=problems)
    for row in told.rows:
        if company.seen[row.attempt].standings:
            by_itself = alone(row, problem=problems[row.attempt], width=width)
            assert_as_alone(company.seen[row.attempt], by_itself=by_itself)


@pytest.mark.parametrize("name", ["mlp gelu", "mlp of odd widths", "normed", "tied"])
def test_a_row_is_bit_equal_whatever_the_number_of_rows(name: str) -> None:
    of, choice = Settings(learning_rate=0.05, momentum=0.9, batch_size=7), GROUPS[name]
    rows = [in_bfloat16(row_of(choice[0], settings=of, attempt=number, epochs=1)) for number in range(32)]
    problem = cut(problem_of(choice[0]), num_examples=52)
    problems: Mapping[int, Problem] = dict.fromkeys(range(32), problem)
    for width in (3, 32):
        company = Company(problems, width=width)
        for row in rows[:width]:
            company.add(row)
        company.finish()
        for number in (0, width - 1):
            assert_as_alone(company.seen[number], by_itself=alone(rows[number], problem=problem))
