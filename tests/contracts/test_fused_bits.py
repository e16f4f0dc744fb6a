"""Claim (a) of the fused engine: on a CPU a row is bit-equal whatever its place, its neighbours and the width are.

Models with convolutions: at the same width. All of it holds for the layers of torch itself; what an author's own
forward computes in other ways may depend on the width.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from tests.trainer.any_settings import OPTIMIZERS
from tests.trainer.companies import Company, alone, assert_as_alone, built, cut, row_of
from tests.trainer.own_models import discover_models
from tests.trainer.stories import GROUPS, IMAGES, Story, on, played, problem_of, stories
from trainer.config import MlpModel
from trainer.data.datasets import Part
from trainer.models.layout import Layout
from trainer.pauses import AS_A_SERVICE
from trainer.problem import Problem
from trainer.settings import Settings
from trainer.state import State


@pytest.fixture(scope="module", autouse=True)
def _own_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    discover_models(tmp_path_factory.mktemp("own"))


def assert_all_as_alone(company: Company, *, story: Story, problems: Mapping[int, Problem], width: int) -> None:
    """Each row that was stepped at all."""
    for row in story.rows:
        seen = company.seen[row.attempt]
        if seen.standings:
            assert_as_alone(seen, by_itself=alone(row, problem=problems[row.attempt], width=width))


@given(story=stories(groups=GROUPS, widths=(1, 2, 3, 4, 6)))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_row_is_bit_equal_in_any_company(story: Story) -> None:
    problems = {row.attempt: problem_of(row.problem) for row in story.rows}
    assert_all_as_alone(played(story, problems=problems), story=story, problems=problems, width=1)


@given(story=stories(groups=IMAGES, widths=(3,)))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_with_convolutions_a_row_is_bit_equal_in_any_company_at_the_same_width(story: Story) -> None:
    problems = {row.attempt: problem_of(row.problem) for row in story.rows}
    assert_all_as_alone(played(story, problems=problems), story=story, problems=problems, width=3)


@pytest.mark.parametrize("batch_size", [32, 7])
@pytest.mark.parametrize("name", GROUPS)
def test_a_row_is_bit_equal_whatever_the_number_of_rows(name: str, batch_size: int) -> None:
    """The rows looked at stand first, last and in the midst of 2 to 64."""
    of = Settings(learning_rate=0.05, momentum=0.9, batch_size=batch_size)
    choice = GROUPS[name]
    rows = [row_of(choice[number % len(choice)], settings=of, attempt=number, epochs=1) for number in range(64)]
    problems = {row.attempt: cut(problem_of(row.problem), num_examples=70) for row in rows}
    looked_at = {number: alone(rows[number], problem=problems[number]) for number in (0, 1, 4, 31, 63)}
    for width in (2, 5, 32, 64):
        company = Company(problems, width=width)
        for row in rows[:width]:
            company.add(row)
        company.finish()
        for number in looked_at.keys() & set(range(width)):
            assert_as_alone(company.seen[number], by_itself=looked_at[number])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["linear regression", "mlp", "mlp dropout", "quadratic", "tied"])
def test_one_example_at_a_time_is_bit_equal_too(name: str, optimizer: str) -> None:
    values = {"learning_rate": 0.01, "batch_size": 1, "gradient_clip_norm": 1.0, "optimizer": {"kind": optimizer}}
    rows = [row_of(GROUPS[name][0], settings=Settings.model_validate(values), attempt=number) for number in range(3)]
    problems = {row.attempt: cut(problem_of(row.problem), num_examples=20) for row in rows}
    company = Company(problems, width=4, ahead_seconds=AS_A_SERVICE.ahead_seconds)
    for row in rows:
        company.add(row)
        company.advance()
    company.finish()
    for row in rows:
        assert_as_alone(company.seen[row.attempt], by_itself=alone(row, problem=problems[row.attempt]))


@pytest.mark.parametrize("name", [*GROUPS, *IMAGES])
def test_a_row_is_bit_equal_beside_weights_that_are_no_numbers(name: str) -> None:
    """A new neighbour before every update, whose loss is no number at once: it leaves and its place is refilled."""
    config = {**GROUPS, **IMAGES}[name][0]
    of = Settings(learning_rate=0.05, momentum=0.9, batch_size=32, gradient_clip_norm=1.0)
    row, other = (row_of(config, settings=of, attempt=number, epochs=2) for number in (1, 2))
    problem = problem_of(config)
    company = Company({1: problem, 2: problem}, width=3)
    first = company.leave(company.add(other))
    company.add(row)
    while company.rows:
        company.add(other, state=poisoned(first))
        company.advance()
        assert all(training.assignment.attempt == 1 for training in company.rows)
    assert_as_alone(company.seen[1], by_itself=alone(row, problem=problem, width=3))


def poisoned(state: State) -> State:
    """The same with NaN for every weight and every number in the optimizer."""
    nan = torch.full_like(state.weights.theta, torch.nan)
    buffers = {name: torch.full_like(buffer, torch.nan) for name, buffer in state.buffers.items()}
    return replace(state, weights=replace(state.weights, theta=nan), buffers=buffers)


CANCELS = 10 * 2.0**124, 2.0**100
NO_INPUT = ((-CANCELS[0] / 10, CANCELS[0]), (4.0, 0.0), (1.0, 0.0), (1.0, 0.0))
NOTHING_LEFT = ((0.0, 1.0), (0.5, 0.0), (0.5, 0.0), (-CANCELS[1] / 2, CANCELS[1]))
"""Weight and bias of each layer: on inputs that are all 1 the outputs are 0 and so is the loss. Where the input is 0
the second layer gives inf; where all units are left out the output's square is inf. 0 * inf is no number."""


@pytest.mark.parametrize(("layers", "share"), [(NO_INPUT, 0.0), (NOTHING_LEFT, 1e-20)])
@pytest.mark.parametrize("batch_size", [32, 7])
def test_what_fills_up_a_batch_brings_no_infinity_into_a_row(
    batch_size: int, layers: tuple[tuple[float, float], ...], share: float
) -> None:
    config = on("diabetes", MlpModel(hidden=(2, 2, 2), dropout=share))
    row = row_of(config, settings=Settings(batch_size=batch_size), attempt=1, epochs=1)
    problem = of_ones(cut(built(config), num_examples=2 * batch_size + 5))
    company = Company({1: problem}, width=2)
    state = company.leave(company.add(row))
    company.add(row, state=replace(state, weights=replace(state.weights, theta=theta_of(problem, layers=layers))))
    company.finish()
    [(metrics, divergence)] = company.seen[1].news
    assert divergence is None
    assert metrics is not None
    assert (metrics["train_loss"], metrics["val_loss"], metrics["grad_norm"]) == (0, 0, 0)


def of_ones(problem: Problem) -> Problem:
    """The same shapes; all inputs are 1, all targets 0."""
    parts = (problem.train, problem.validation)
    train, validation = (Part(torch.ones_like(part.x), torch.zeros_like(part.y)) for part in parts)
    return replace(problem, train=train, validation=validation)


def theta_of(problem: Problem, *, layers: tuple[tuple[float, float], ...]) -> Tensor:
    """The weights of a model whose affine layers have these weights and biases."""
    model = problem.model()
    linears = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    for linear, (weight, bias) in zip(linears, layers, strict=True):
        nn.init.constant_(linear.weight, weight)
        nn.init.constant_(linear.bias, bias)
    return Layout(model).theta_of(model)
