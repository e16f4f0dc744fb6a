"""The learning-rate range test."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from trainer.checkpoint import CheckpointStore
from trainer.config import MlpModel, ProblemConfig
from trainer.models.quadratic import SMOOTHNESS
from trainer.problem import Problem, build_problem
from trainer.settings import Settings
from trainer.task import RangeCurve, RangeTest
from trainer.tasks.range_test import log_spaced, range_curve

CPU = torch.device("cpu")
DIGITS = ProblemConfig(dataset="digits", model=MlpModel())
RAVINE = ProblemConfig(dataset="quadratic")


def curve(problem: ProblemConfig, **settings: float) -> RangeCurve:
    test = RangeTest(problem=problem, settings=Settings.model_validate(settings), seed=3)
    return range_curve(test, problem=_built(problem), device=CPU, beat=lambda: None)


def _built(problem: ProblemConfig) -> Problem:
    return build_problem(problem, device=CPU, files=CheckpointStore(Path("nowhere")))


def test_on_the_ravine_the_bounds_end_where_theory_says_descent_diverges() -> None:
    plain = curve(RAVINE)
    above = 2 / SMOOTHNESS * (plain.rates[1] / plain.rates[0])
    assert plain.low < plain.high < 2 / SMOOTHNESS
    assert plain.losses[-1] is None
    assert all(loss is None for rate, loss in zip(plain.rates, plain.losses, strict=True) if rate > above)


def test_the_bounds_hold_a_rate_that_trains_and_leave_out_those_that_do_not() -> None:
    digits = curve(DIGITS, momentum=0.9)
    best = min((loss, rate) for rate, loss in zip(digits.rates, digits.losses, strict=True) if loss is not None)
    assert best[0] < digits.first_loss / 5
    assert digits.low < best[1] <= digits.high
    assert digits.low > digits.rates[0]
    assert digits.high < digits.rates[-1]


def test_the_same_test_gives_the_same_curve() -> None:
    assert curve(DIGITS) == curve(DIGITS)


def test_it_beats_between_its_trainings() -> None:
    beats: list[int] = []
    test = RangeTest(problem=RAVINE, settings=Settings(), seed=0, num_rates=4, num_updates=2)
    range_curve(test, problem=_built(RAVINE), device=CPU, beat=lambda: beats.append(1))
    assert len(beats) == 4


def test_rates_are_evenly_spaced_on_a_log_scale() -> None:
    rates = log_spaced(1e-6, high=10.0, num_rates=29)
    assert (rates[0], rates[-1], len(rates)) == (1e-6, 10.0, 29)
    steps = [math.log(after / before) for before, after in pairwise(rates)]
    assert steps == pytest.approx([steps[0]] * 28)
