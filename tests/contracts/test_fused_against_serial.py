"""Claim (b) of the fused engine: it does what the serial one does, but for rounding.

In float64 within 1e-9 over 100 updates, in float32 within 1e-5 over 30, and over 300 where training is tame. Where
training is chaotic (high rates; Adam and RMSprop on gradients near 0, which they divide by) rounding grows in the
serial engine too: there the two may be CHAOS times as far apart as two serial trainings whose first weights differ by
a bit, and the final scores of 20 seeds must agree.
"""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from tests.trainer.any_settings import BatchSize, any_settings
from tests.trainer.companies import built, in_double, row_of
from tests.trainer.own_models import discover_models
from tests.trainer.side_by_side import Came, by_fused, by_serial, distance, sway
from tests.trainer.stories import GROUPS, IMAGES, on, problem_of
from trainer.config import Assignment, MlpModel, ProblemConfig
from trainer.device import device_named
from trainer.problem import Problem
from trainer.settings import Settings

ALL = {**GROUPS, **IMAGES}
OTHERS = ("adam", "adamw", "rmsprop")
PAIRS = [
    *((name, "sgd") for name in GROUPS),
    *((name, OTHERS[number % 3]) for number, name in enumerate(GROUPS)),
    *zip(IMAGES, ("adamw", "adam", "sgd"), strict=True),
]
"""Groups and optimizers: nothing of an update depends on both."""
LONG = ("linear", "mlp gelu", "mlp silu regression", "quadratic")

CHAOS = 30.0
TAME_RATES = {"sgd": 0.2, "adam": 3e-3, "adamw": 3e-3, "rmsprop": 1e-3}
"""Up to which learning_rate / (1 - momentum) training is tame."""

BATCH_SIZES: st.SearchStrategy[BatchSize] = st.sampled_from([16, 7, 32, "full"])
RATES = st.sampled_from([1e-3, 0.01, 0.05, 0.2, 1.0])
EPOCHS = 300
"""No training ends before it is compared."""
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")),
]


@pytest.fixture(scope="module", autouse=True)
def _own_models(tmp_path_factory: pytest.TempPathFactory) -> None:
    discover_models(tmp_path_factory.mktemp("own"))


@st.composite
def groups(
    draw: st.DrawFn, *, problems: tuple[ProblemConfig, ...], optimizer: str, tame: bool
) -> tuple[Assignment, ...]:
    """Three rows of a group."""
    batch_size = draw(BATCH_SIZES)
    rows = []
    for number in range(3):
        of = draw(any_settings(optimizer=optimizer, batch_size=batch_size, rates=RATES))
        if tame:
            highest = TAME_RATES[optimizer] * (1 - of.momentum)
            of = of.model_copy(update={"learning_rate": min(of.learning_rate, highest)})
        rows.append(row_of(draw(st.sampled_from(problems)), settings=of, attempt=number, epochs=EPOCHS))
    return tuple(rows)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "optimizer"), PAIRS)
@given(data=st.data())
@settings(max_examples=2, deadline=None, derandomize=True)
def test_in_float64_a_hundred_updates_are_those_of_the_serial_engine(
    name: str, optimizer: str, device: str, data: st.DataObject
) -> None:
    rows = data.draw(groups(problems=ALL[name], optimizer=optimizer, tame=False))
    problems = [in_double(problem_of(row.problem, device=device_named(device))) for row in rows]
    assert_as_serial(rows, problems=problems, num_updates=100, within=1e-9)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "optimizer"), PAIRS)
@given(data=st.data())
@settings(max_examples=2, deadline=None, derandomize=True)
def test_in_float32_thirty_updates_are_those_of_the_serial_engine(
    name: str, optimizer: str, device: str, data: st.DataObject
) -> None:
    rows = data.draw(groups(problems=ALL[name], optimizer=optimizer, tame=False))
    problems = [problem_of(row.problem, device=device_named(device)) for row in rows]
    assert_as_serial(rows, problems=problems, num_updates=30, within=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "optimizer"), [pair for pair in PAIRS if pair[0] in LONG])
@given(data=st.data())
@settings(max_examples=2, deadline=None, derandomize=True)
def test_in_float32_three_hundred_tame_updates_are_those_of_the_serial_engine(
    name: str, optimizer: str, device: str, data: st.DataObject
) -> None:
    rows = data.draw(groups(problems=ALL[name], optimizer=optimizer, tame=True))
    problems = [problem_of(row.problem, device=device_named(device)) for row in rows]
    fused = by_fused(rows, problems=problems, num_updates=300)
    for row, problem, came in zip(rows, problems, fused, strict=True):
        assert distance(came, by_serial(row, problem=problem, num_updates=300)) <= 1e-5


def assert_as_serial(
    rows: Sequence[Assignment], *, problems: Sequence[Problem], num_updates: int, within: float
) -> None:
    """Every row, or it is chaotic."""
    fused = by_fused(rows, problems=problems, num_updates=num_updates)
    for row, problem, came in zip(rows, problems, fused, strict=True):
        serial = by_serial(row, problem=problem, num_updates=num_updates)
        found = distance(came, serial)
        if found > within:
            assert found <= CHAOS * sway(row, problem=problem, num_updates=num_updates, came=serial)


def chaotic(*, momentum: float) -> list[Assignment]:
    """Twenty trainings of one setting, which soon depend on every bit, but for their end."""
    of = Settings(learning_rate=0.5, momentum=momentum, batch_size=32)
    digits = on("digits", MlpModel(hidden=(32,)))
    return [row_of(digits, settings=of, attempt=number, epochs=3) for number in range(20)]


def losses(all_came: Sequence[Came]) -> list[float]:
    """The held-out losses at the end."""
    return [came.scores["val_loss"] or 0.0 for came in all_came]


@pytest.fixture(scope="module")
def by_the_serial_engine() -> list[Came]:
    """The twenty."""
    rows = chaotic(momentum=0.9)
    return [by_serial(row, problem=built(row.problem), num_updates=EPOCHS) for row in rows]


def test_where_training_is_chaotic_final_scores_agree(by_the_serial_engine: list[Came]) -> None:
    """Wilcoxon's signed-rank test on the pairs of one seed: neither engine's loss is the lower one.

    It asks whether the differences lie around 0, whatever their distribution, and sees a shift that is small beside
    the spread over the seeds.
    """
    rows = chaotic(momentum=0.9)
    fused = by_fused(rows, problems=[built(row.problem) for row in rows], num_updates=EPOCHS)
    apart = [distance(*pair) for pair in zip(fused, by_the_serial_engine, strict=True)]
    assert sorted(apart)[10] > 0.01
    assert wilcoxon(losses(fused), losses(by_the_serial_engine)).pvalue > 0.01


def test_that_comparison_sees_another_momentum(by_the_serial_engine: list[Came]) -> None:
    rows = chaotic(momentum=0.85)
    other = by_fused(rows, problems=[built(row.problem) for row in rows], num_updates=EPOCHS)
    assert wilcoxon(losses(other), losses(by_the_serial_engine)).pvalue < 0.01
