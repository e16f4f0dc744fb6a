"""A space: its order, what is active, the nearest point, and what does not lie in it."""

from sweeps.space.baseline import BASELINE
from sweeps.space.parameters import Choices, Parameter, Range
from sweeps.space.search_space import SearchSpace

PARAMETERS: dict[str, Parameter] = {
    "dampening": Range(low=0.0, high=1.0, when={"nesterov": (False,)}),
    "lr_decay": Range(low=1e-6, high=1e-2, log=True, when={"dampening": (0.0,)}),
    "nesterov": Choices(choices=(True, False)),
    "momentum": 0.5,
    "learning_rate": Range(low=0.1, high=1.0, log=True),
}


def test_parents_come_first_however_the_space_was_written() -> None:
    expected = ["learning_rate", "momentum", "nesterov", "dampening", "lr_decay"]
    assert list(SearchSpace(PARAMETERS).parameters) == expected
    assert list(SearchSpace(dict(reversed(PARAMETERS.items()))).parameters) == expected


def test_what_hangs_on_an_absent_parameter_is_absent_too() -> None:
    space = SearchSpace(PARAMETERS)
    assert space.nearest({"nesterov": True}).keys() == {"learning_rate", "momentum", "nesterov"}
    assert space.nearest({"nesterov": False}).keys() == set(PARAMETERS)


def test_the_baseline_moves_into_the_space() -> None:
    assert SearchSpace(PARAMETERS).nearest(BASELINE) == {
        "learning_rate": 0.1,
        "momentum": 0.5,
        "nesterov": False,
        "dampening": 0.0,
        "lr_decay": 1e-6,
    }


def test_a_coordinate_is_named_where_its_setting_was_given() -> None:
    space = SearchSpace({"effective_learning_rate": Range(low=0.1, high=1.0), "momentum": 0.9})
    (fault,) = space.faults({"learning_rate": 0.1}, field="settings")
    assert (fault.field, fault.mend) == (
        "settings.learning_rate",
        "this space sets it by effective_learning_rate: give that",
    )
    assert space.own({"effective_learning_rate": 0.5, "momentum": 0.9, "learning_rate": 0.05}) == {
        "effective_learning_rate": 0.5,
        "momentum": 0.9,
    }


def test_only_what_is_not_fixed_is_searched() -> None:
    assert SearchSpace(PARAMETERS).searched().keys() == PARAMETERS.keys() - {"momentum"}


def test_settings_outside_the_space_are_named() -> None:
    space = SearchSpace(PARAMETERS)
    faults = space.faults({"learning_rate": 3, "momentum": 0.9, "momentun": 1}, field="settings")
    assert {fault.field: fault.mend for fault in faults} == {
        "settings.learning_rate": "give a number from 0.1 to 1",
        "settings.momentum": "give 0.5",
        "settings.momentun": "did you mean momentum? known: dampening, learning_rate, lr_decay, momentum, nesterov",
    }


def test_a_setting_needs_what_makes_it_active() -> None:
    space = SearchSpace(PARAMETERS)
    assert space.faults({"dampening": 0.5, "nesterov": False}, field="settings") == []
    alone = space.faults({"dampening": 0.5}, field="settings")
    assert [fault.mend for fault in alone] == ["give nesterov = False too, or leave dampening out"]
    assert space.faults({"dampening": 0.5, "nesterov": True}, field="settings") != []
