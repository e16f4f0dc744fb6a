"""Whatever JSON comes: it is a sweep that can be run, or it is refused with words."""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.space.coordinates import COORDINATES
from sweeps.spec import SweepSpec, first_settings, resolved, with_bounds
from sweeps.states import TrialState
from sweeps.wrong import FieldError, InvalidSpec
from tests.sweeps.trainable import assert_trainable
from trainer.config import MetricConfig
from trainer.settings import KINDS, Settings

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.floats(),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1e-300, 1e300, 10**400, "full", "auto", "constant", "\x00", "\ud800"]),
)
NAMES = st.sampled_from([*Settings.model_fields, *COORDINATES, "schedule.step.gamma", "momentun", "a b", ""])
CONDITIONS = st.dictionaries(NAMES, st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=2)
RANGES = st.fixed_dictionaries(
    {"low": SCALARS, "high": SCALARS},
    optional={"log": SCALARS, "integer": SCALARS, "step": SCALARS, "when": CONDITIONS, "extra": SCALARS},
)
LIKELY_RANGES = st.builds(
    lambda low, width, **rest: {"low": low, "high": low + width} | rest,
    st.sampled_from([1e-9, 0.01, 1, 2.0]),
    st.sampled_from([0, 1e-6, 0.5, 3, 100.0]),
    integer=st.booleans(),
    log=st.booleans(),
    step=st.sampled_from([None, 0.3, 1, 7]),
)
CHOICES = st.fixed_dictionaries({"choices": st.lists(SCALARS, max_size=3)}, optional={"when": CONDITIONS})
WORDS = st.sampled_from([*KINDS["schedule"], *KINDS["optimizer"], "ramp", "auto"])
OBJECTS = st.fixed_dictionaries(
    {},
    optional={"kind": st.one_of(WORDS, SCALARS), "b": st.one_of(SCALARS, RANGES), "gamma": SCALARS, "when": CONDITIONS},
)
KIND_CHOICES = st.fixed_dictionaries({"choices": st.lists(st.one_of(WORDS, OBJECTS), max_size=3)})
PARAMETERS = st.one_of(SCALARS, RANGES, LIKELY_RANGES, LIKELY_RANGES, CHOICES, WORDS, OBJECTS, KIND_CHOICES)
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2))
WILD = st.fixed_dictionaries(
    {"problem": st.one_of(st.just({"dataset": "digits"}), ANYTHING)},
    optional={
        "space": st.one_of(st.dictionaries(NAMES, PARAMETERS, max_size=4), ANYTHING),
        "sampler": ANYTHING,
        "pruner": ANYTHING,
        "first": st.lists(st.dictionaries(NAMES, SCALARS, max_size=3), max_size=2),
        "budget": ANYTHING,
    },
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "optimizer": st.sampled_from(["adam", {"choices": ["sgd", {"kind": "adam", "beta1": 0.8}, "rmsprop"]}]),
        "schedule": st.sampled_from(
            [
                "cosine",
                {"kind": "inverse_time", "b": {"low": 10, "high": 100}},
                {
                    "choices": [
                        "constant",
                        {"kind": "step", "epochs": {"low": 1, "high": 9, "integer": True}},
                        "one_cycle",
                    ]
                },
            ]
        ),
        "schedule.step.gamma": st.sampled_from([0.1, {"low": 0.1, "high": 0.9}]),
        "momentum_schedule": st.sampled_from([{"kind": "ramp", "start": 0.1}, {"choices": ["constant", "ramp"]}]),
        "velocity": st.sampled_from(["pytorch", {"choices": ["pytorch", "classical"]}]),
        "dampening": st.sampled_from([0.0, 0.5, {"low": 0, "high": 1, "when": {"velocity": "pytorch"}}]),
        "model.width": st.sampled_from([8, {"low": 1, "high": 64, "integer": True, "log": True}]),
        "batch_size": st.one_of(LIKELY_RANGES, st.just("full"), st.just({"choices": [1, "full"]})),
        "nesterov": st.sampled_from([False, {"choices": [True, False]}]),
        "lr_decay": st.builds(
            lambda each, when: each | {"when": when},
            LIKELY_RANGES,
            st.sampled_from(
                [{"schedule": "constant"}, {"nesterov": False}, {"nesterov": True, "momentum": [0.9, 0.5]}]
            ),
        ),
    },
)
RATES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.just({"learning_rate": "auto"}),
    st.fixed_dictionaries({"learning_rate": LIKELY_RANGES}),
    st.fixed_dictionaries({"effective_learning_rate": LIKELY_RANGES}),
    st.fixed_dictionaries({"batch_scaled_learning_rate": LIKELY_RANGES}),
)
MOMENTA = st.sampled_from(
    [
        {},
        {"momentum": 0.0},
        {"momentum": 0.9},
        {"momentum": {"low": 0.0, "high": 0.99}},
        {"momentum": {"choices": [0.5, 0.9]}},
        {"one_minus_momentum": 0.1},
        {"one_minus_momentum": {"low": 0.001, "high": 1.0, "log": True}},
    ]
)
LIKELY_SPACES = st.builds(lambda rate, momentum, others: {**rate, **momentum, **others}, RATES, MOMENTA, OTHERS)
LIKELY = st.fixed_dictionaries(
    {"problem": st.just({"dataset": "digits"}), "space": LIKELY_SPACES},
    optional={
        "sampler": st.builds(dict, kind=st.sampled_from(["tpe", "grid", "cmaes", "random", "qmc"])),
        "pruner": st.builds(dict, kind=st.sampled_from(["median", "hyperband", "asha", "none"])),
        "budget": st.just({"epochs": 1}),
    },
)


def checked(raw: Any) -> tuple[SweepSpec | None, tuple[FieldError, ...]]:
    try:
        return check_spec(raw), ()
    except InvalidSpec as refusal:
        return None, refusal.errors


@given(raw=WILD)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_is_refused_is_refused_with_words(raw: Any) -> None:
    spec, errors = checked(raw)
    assert (spec is None) == bool(errors)
    assert all(error.message and error.mend for error in errors)


@given(raw=LIKELY)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_sweep_that_is_accepted_can_be_run(raw: Any) -> None:
    spec, _ = checked(raw)
    assume(spec is not None)
    assert spec is not None
    spec = resolved(spec, name="n", sampler_seed=1, default_metric=MetricConfig(), num_train=1078)
    if spec.needs_range_test:
        spec = with_bounds(spec, low=1e-3, high=0.1)
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    scheduler = Scheduler(spec, records=[], study_attrs={})
    for fixed in [*first_settings(spec), None, None]:
        proposal = scheduler.propose(fixed)
        if proposal is not None:
            assert_trainable(proposal.settings)
            assert spec.search_space.faults(spec.search_space.own(proposal.settings), field="settings") == []
            told = scheduler.tell(proposal.number, state=TrialState.COMPLETED, values={1: 0.5})
            assert told.tell_number == proposal.number
