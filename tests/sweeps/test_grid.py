"""The grid: every point once, in an order from the seed, and then no more."""

from typing import Any

from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace
from sweeps.studies.grid import GridStudy, grid_points, num_grid_points

PARAMETERS: dict[str, Parameter] = {
    "momentum": Range(low=0.0, high=0.9, step=0.3),
    "nesterov": Choices(choices=(True, False)),
    "dampening": Choices(choices=(0.0, 0.1, 0.5), when={"nesterov": (False,)}),
    "lr_decay": 1e-4,
}
SPACE = SearchSpace(PARAMETERS)


def settings_of(study: GridStudy) -> list[dict[str, Any]]:
    return [asked.settings for number in range(100) if (asked := study.ask(number, fixed={})) is not None]


def test_every_point_comes_once() -> None:
    found = settings_of(GridStudy(SPACE, seed=1, tried=[]))
    assert len(found) == 4 * (1 + 3)
    assert {frozenset(point.items()) for point in found} == {frozenset(point.items()) for point in grid_points(SPACE)}
    assert all(("dampening" in settings) is not settings["nesterov"] for settings in found)


def test_the_order_comes_from_the_seed() -> None:
    one, same, other = (settings_of(GridStudy(SPACE, seed=seed, tried=[])) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_what_was_tried_is_not_tried_again() -> None:
    tried = [*grid_points(SPACE)][:10]
    assert len(settings_of(GridStudy(SPACE, seed=1, tried=tried))) == 6


def test_a_fixed_setting_takes_a_point_that_has_it() -> None:
    study = GridStudy(SPACE, seed=1, tried=[])
    asked = [study.ask(number, fixed={"momentum": 0.3, "nesterov": True}) for number in range(2)]
    assert [each and each.settings for each in asked] == [{"lr_decay": 1e-4, "momentum": 0.3, "nesterov": True}] * 2
    assert len(settings_of(study)) == 15


def test_counting_stops_where_it_is_too_much() -> None:
    assert num_grid_points(SPACE) == 16
    huge: dict[str, Parameter] = {"batch_size": Range(low=1, high=10**9, integer=True)}
    assert num_grid_points(SearchSpace(huge)) == 100_001
