"""Whatever JSON comes: it is a sweep that can be run, or it is refused with words."""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweeps.checks import check_spec
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec, first_settings, resolved
from sweeps.states import TrialState
from sweeps.wrong import FieldError, InvalidSpec
from trainer.config import MetricConfig
from trainer.settings import Settings

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 200),
    st.floats(),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1e-300, 1e300, 10**400, "full", "auto", "constant", "\x00", "\ud800"]),
)
NAMES = st.sampled_from([*Settings.model_fields, "schedule", "momentun", "a b", ""])
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
PARAMETERS = st.one_of(SCALARS, RANGES, LIKELY_RANGES, LIKELY_RANGES, CHOICES)
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
LIKELY_SPACES = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": LIKELY_RANGES,
        "momentum": st.sampled_from([0.0, 0.9, {"low": 0.0, "high": 0.99}, {"choices": [0.5, 0.9]}]),
        "batch_size": st.one_of(LIKELY_RANGES, st.just("full"), st.just({"choices": [1, "full"]})),
        "nesterov": st.sampled_from([False, {"choices": [True, False]}]),
        "lr_decay": st.builds(
            lambda each, when: each | {"when": when},
            LIKELY_RANGES,
            st.sampled_from([{}, {"nesterov": False}, {"nesterov": True, "momentum": [0.9, 0.5]}]),
        ),
    },
)
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
    spec = resolved(spec, name="n", sampler_seed=1, default_metric=MetricConfig(), num_train=10**9)
    assert SweepSpec.model_validate_json(spec.model_dump_json()) == spec
    scheduler = Scheduler(spec, records=[], study_attrs={})
    for fixed in [*first_settings(spec), None, None]:
        proposal = scheduler.propose(fixed)
        if proposal is not None:
            Settings.model_validate(proposal.settings, strict=True)
            assert spec.search_space.faults(proposal.settings, field="settings") == []
            told = scheduler.tell(proposal.number, state=TrialState.COMPLETED, values={1: 0.5})
            assert told.tell_number == proposal.number
