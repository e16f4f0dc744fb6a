"""Whatever became of a sweep: each kind of plot is a figure that Plotly can show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.plots.kinds import KINDS
from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from tests.sweeps.plot_material import ACCURACY, SPACE, draw, made_sweep
from trainer.config import MetricConfig
from trainer.task import RangeCurve

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(st.none(), st.floats(0, 1), FINITE, st.sampled_from([0.0, 0.5, 1e-300, 5e-324, 1.7e308, -1.7e308]))
TRIALS = st.lists(st.tuples(st.sampled_from(list(TrialState)), VALUES), max_size=40)
STRANGE: list[Parameter] = [
    Range(low=1e10, high=1e10 + 1e-5, log=True),
    Range(low=0.0, high=5e-324),
    Range(low=-1e18, high=1e18),
    Range(low=1, high=2, integer=True, log=True),
    Choices(choices=tuple("x" * 150 + str(i) for i in range(40))),
    Choices(choices=("<b>bold</b>", "&amp;")),
]
SPACES = st.one_of(
    st.lists(st.sampled_from(list(SPACE)), unique=True, min_size=1).map(
        lambda names: {name: SPACE[name] for name in {*names, "nesterov"}}
    ),
    st.lists(st.sampled_from(STRANGE), min_size=1, max_size=16).map(
        lambda found: {f"strange.{i}": parameter for i, parameter in enumerate(found)}
    ),
    st.just({"learning_rate": 0.1}),
)
METRICS = st.sampled_from([ACCURACY, MetricConfig(name="val_loss", goal="minimize")])
LOSSES = st.lists(st.one_of(st.none(), FINITE), min_size=2, max_size=12)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(trials=TRIALS, space=SPACES, metric=METRICS)
def test_any_sweep_is_drawn(
    kind: str, trials: list[tuple[TrialState, float | None]], space: dict[str, Parameter], metric: MetricConfig
) -> None:
    assert draw(kind, material=made_sweep(trials, space=SearchSpace(space), metric=metric))["layout"]["title"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 12])
def test_trials_that_are_all_alike_are_drawn(kind: str, count: int) -> None:
    draw(kind, material=made_sweep([(TrialState.COMPLETED, 0.5)] * count, shares={"momentum": 1.0}))


@settings(max_examples=25, deadline=None)
@given(losses=LOSSES, first=FINITE)
def test_any_range_test_is_drawn(losses: list[float | None], first: float) -> None:
    rates = [10.0 ** (i - 6) for i in range(len(losses))]
    curve = RangeCurve(rates=rates, losses=losses, first_loss=first, num_updates=50, low=1e-5, high=1e-4)
    assert draw("range_test", material=made_sweep([], range_test=curve))["data"]
