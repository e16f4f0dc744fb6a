"""What each kind of plot shows."""

import pytest

from sweeps.insights.outcomes import Outcome
from sweeps.plots.chosen_curves import MOST_CURVES, MOST_POINTS, chosen_curves
from sweeps.plots.kinds import KINDS, wants_shares
from sweeps.space.parameters import Range
from sweeps.space.search_space import SearchSpace
from sweeps.states import TrialState
from tests.sweeps.plot_material import draw, made_sweep, texts
from trainer.config import MetricConfig
from trainer.task import RangeCurve

DONE, PRUNED, DIVERGED = TrialState.COMPLETED, TrialState.PRUNED, TrialState.DIVERGED
SOME = [(DONE, 0.5), (PRUNED, 0.3), (DONE, 0.4), (DONE, 0.7), (DIVERGED, None), (DONE, 0.6), (TrialState.FAILED, None)]
SOME_LOSS = MetricConfig(name="val_loss", goal="minimize")
MANY = [(DONE, 0.5 + 0.0001 * number) for number in range(2_500)]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"range_test", "importance"}))
@pytest.mark.parametrize("trials", [[], [(TrialState.RUNNING, None)], [(DIVERGED, None)]])
def test_without_a_value_a_sentence_says_so(kind: str, trials: list[tuple[TrialState, float | None]]) -> None:
    figure = draw(kind, material=made_sweep(trials))
    assert figure["data"] == []
    assert "yet" in texts(figure)


def test_history_has_a_staircase_and_the_baseline() -> None:
    figure = draw("history", material=made_sweep(SOME))
    traces = {trace["name"]: trace for trace in figure["data"]}
    best = traces["best so far"]
    assert list(zip(best["x"], best["y"], strict=True)) == [(1, 0.5), (4, 0.7), (7, 0.7)]
    assert traces["baseline (0.5)"]["x"] == [1]
    assert (traces["PRUNED"]["x"], traces["PRUNED"]["y"]) == ([2], [0.3])
    assert "7 trials, 5 with a value." in texts(figure)


def test_what_diverged_at_once_stands_at_the_worse_edge() -> None:
    traces = {trace["name"]: trace for trace in draw("history", material=made_sweep(SOME))["data"]}
    diverged = traces["DIVERGED"]
    assert (diverged["x"], diverged["y"], diverged["marker"]["symbol"]) == ([5], [0.3], "x")
    assert diverged["text"][0].startswith("trial 4: no value")


def test_what_is_far_off_stands_at_the_edge() -> None:
    trials = [*((DONE, 1.0 + number / 100) for number in range(20)), (DIVERGED, 1e30)]
    figure = draw("history", material=made_sweep(trials, metric=SOME_LOSS))
    (diverged,) = [trace for trace in figure["data"] if trace["name"] == "DIVERGED"]
    assert diverged["y"][0] < 2
    assert "1e+30" in diverged["text"][0]
    assert "1 value far off" in texts(figure)


def test_what_is_far_off_points_to_where_it_lies() -> None:
    trials = [(DONE, 0.2), *((DONE, 0.9 + number / 1000) for number in range(20))]
    traces = {trace["name"]: trace for trace in draw("history", material=made_sweep(trials))["data"]}
    assert traces["COMPLETED"]["marker"]["symbol"] == ["triangle-down", *["circle"] * 20]
    assert traces["baseline (0.2)"]["y"] == [0.9]


def test_losses_over_decades_get_a_log_axis() -> None:
    trials = [(DONE, 10.0 ** -(number % 7)) for number in range(21)]
    assert draw("history", material=made_sweep(trials, metric=SOME_LOSS))["layout"]["yaxis"]["type"] == "log"


def test_a_slice_for_each_setting_that_varies() -> None:
    layout = draw("slice", material=made_sweep(SOME))["layout"]
    names = [layout[axis]["title"]["text"] for axis in layout if axis.startswith("xaxis")]
    assert names == ["batch_size", "learning_rate (log)", "momentum", "nesterov", "warmup", "lr_decay (log)"]
    assert layout["xaxis"]["ticktext"] == ["16", "32", "full"]


def test_a_conditional_setting_shows_the_trials_that_have_it() -> None:
    sweep = made_sweep(SOME)
    having = [each for each in sweep.outcomes if "lr_decay" in each.settings and each.state is not TrialState.FAILED]
    traces = [trace for trace in draw("slice", material=sweep)["data"] if trace["xaxis"] == "x6"]
    assert sum(len(trace["x"]) for trace in traces if trace["legendgroup"] != "best") == len(having)
    assert 0 < len(having) < len(SOME)
    (lines,) = draw("parallel_coordinate", material=sweep)["data"]
    (decay,) = [one for one in lines["dimensions"] if one["label"] == "lr_decay (log)"]
    assert decay["ticktext"][0] == "not set"


def test_very_many_trials_are_thinned_and_it_is_said() -> None:
    sweep = made_sweep(MANY)
    said = {kind: texts(draw(kind, material=sweep)) for kind in ("history", "slice", "contour", "parallel_coordinate")}
    assert all("best 2,000 of 2,500" in said[kind] for kind in ("history", "slice", "contour"))
    assert "best 500 of 2,500" in said["parallel_coordinate"]
    (lines,) = draw("parallel_coordinate", material=sweep)["data"]
    assert len(lines["line"]["color"]) == 500


def test_very_many_settings_are_cut_to_the_most_important() -> None:
    space = SearchSpace({f"s{number:02}": Range(low=0, high=1) for number in range(30)})
    sweep = made_sweep(SOME, space=space, shares={f"s{number:02}": number / 435 for number in range(30)})
    layout = draw("slice", material=sweep)["layout"]
    names = [layout[axis]["title"]["text"] for axis in layout if axis.startswith("xaxis")]
    assert names == [f"s{number}" for number in range(18, 30)]
    contour = draw("contour", material=sweep)
    assert "4 most important of 30" in texts(contour)
    assert sum(axis.startswith("xaxis") for axis in contour["layout"]) == 6
    assert wants_shares("contour", num_parameters=30)
    assert not wants_shares("contour", num_parameters=3)
    assert not wants_shares("history", num_parameters=30)


def test_importance_says_what_is_missing() -> None:
    assert "Too few trials to tell: 6 say something so far, 10 are needed." in texts(
        draw("importance", material=made_sweep(SOME))
    )
    alike = made_sweep([(DONE, 0.5)] * 12)
    assert "nothing tells the settings apart" in texts(draw("importance", material=alike))
    fixed = made_sweep([(DONE, 0.5)] * 12, space=SearchSpace({"learning_rate": 0.1}))
    assert "No setting is searched" in texts(draw("importance", material=fixed))


def test_importance_orders_its_bars() -> None:
    sweep = made_sweep([(DONE, 0.5)] * 12, shares={"momentum": 0.25, "learning_rate": 0.75})
    (bar,) = draw("importance", material=sweep)["data"]
    assert (bar["y"], bar["text"]) == (["momentum", "learning_rate"], ["25%", "75%"])


def test_learning_curves_mark_the_best_and_leave_out_what_is_not_finite() -> None:
    curves = {0: {1: 0.1, 2: None, 3: 0.5}, 3: {1: 0.6, 2: 0.7}, 4: {1: None}}
    figure = draw("learning_curves", material=made_sweep(SOME, curves=curves))
    traces = {trace["name"]: trace for trace in figure["data"]}
    assert (traces["best (trial 3)"]["x"], traces["best (trial 3)"]["y"]) == ([1, 2], [0.6, 0.7])
    assert traces["COMPLETED"]["x"] == [1, 3, None, 1, 2, None]
    assert traces["baseline (trial 0)"]["x"] == [1, 3]


def test_settings_in_force_over_time_are_neither_good_nor_bad() -> None:
    curves = {0: {epoch: 0.1 / epoch**4 for epoch in range(1, 20)}}
    sweep = made_sweep(SOME, curves=curves, curve_metric="learning_rate")
    axis = draw("learning_curves", material=sweep)["layout"]["yaxis"]
    assert (axis["title"]["text"], axis["type"]) == ("learning_rate", "log")


def test_curves_are_chosen_best_first() -> None:
    chosen = chosen_curves(made_sweep(MANY))
    assert (chosen.every, len(chosen.numbers)) == (1, MOST_CURVES)
    assert chosen.numbers[:3] == (2499, 0, 2498)


def test_long_curves_are_thinned() -> None:
    sweep = made_sweep(MANY)
    outcomes = [Outcome(each.number, each.state, each.settings, each.value, 5_000) for each in sweep.outcomes]
    chosen = chosen_curves(made_sweep(MANY, outcomes=outcomes))
    assert chosen.every == 10
    assert len(chosen.numbers) * 500 <= MOST_POINTS


def test_a_range_test_shows_bounds_and_divergence() -> None:
    curve = RangeCurve(
        rates=[1e-3, 1e-2, 0.1, 1.0], losses=[2.3, 1.0, 0.5, None], first_loss=2.3, num_updates=50, low=1e-3, high=0.1
    )
    figure = draw("range_test", material=made_sweep([], range_test=curve))
    assert [trace["x"] for trace in figure["data"]] == [[1e-3, 1e-2, 0.1], [1.0]]
    assert (figure["layout"]["shapes"][0]["x0"], figure["layout"]["shapes"][0]["x1"]) == (1e-3, 0.1)
    assert "0.001 to 0.1" in texts(figure)
    assert "no range test" in texts(draw("range_test", material=made_sweep([])))


def test_names_are_shown_letter_by_letter() -> None:
    assert texts(draw("history", material=made_sweep(SOME))).startswith("a &lt;b&gt; &amp; c")
