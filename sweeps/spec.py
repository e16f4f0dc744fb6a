"""What a sweep is asked to do: the body of POST /v1/sweeps, and what is stored of it."""

from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from sweeps.pruner_spec import AshaPruner, PrunerSpec
from sweeps.space.baseline import baseline
from sweeps.space.ownership import completed
from sweeps.space.parameters import AUTO, Count, Parameter, Range, Scalar, SettingName
from sweeps.space.presets import PresetName, preset_space
from sweeps.space.search_space import SearchSpace
from sweeps.space.spelling import WrittenSpace, spelled_out
from sweeps.wrong import wrong
from trainer.config import Goal, Limits, MetricConfig, Name, Precision, ProblemConfig
from trainer.frozen import Frozen
from trainer.settings import Setting

Seconds: TypeAlias = Annotated[float, Field(strict=True, gt=0, le=1e9)]
Seed: TypeAlias = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]

LOWER_IS_BETTER = ("loss", "_mse", "_mae")
LATER_SAMPLERS = ("auto", "gp")
LATER_PRUNERS = ("rungs",)


class MetricSpec(Frozen):
    """The metric that is searched on. Without a goal a loss is minimized, anything else maximized."""

    name: Name
    goal: Goal | None = None


class SamplerSpec(Frozen):
    """Who proposes settings. A seed of null is drawn and stored."""

    kind: Literal["tpe", "random", "qmc", "grid", "cmaes"] = "qmc"
    seed: Seed | None = None


class BudgetSpec(Frozen):
    """How much is spent: trials in all, epochs of one trial at most, seconds in RUNNING, trials in flight at once."""

    trials: Count = 200
    epochs: Count = 20
    seconds: Seconds | None = None
    parallel: Annotated[int, Field(strict=True, ge=1, le=4096)] | Literal["auto"] = "auto"


class LimitsSpec(Frozen):
    """What a trial and a sweep may cost before they are given up."""

    attempts: Annotated[int, Field(strict=True, ge=1, le=100)] = 3
    failed_trials: Count = 20
    consecutive_failures: Count = 5
    trial_seconds: Seconds | None = None
    hang_seconds: Annotated[float, Field(strict=True, ge=10, le=1e9)] = 300  # a healthy child may say nothing for 5 s
    memory_mb: Annotated[int, Field(strict=True, ge=1, le=2**40)] | None = None

    def of_child(self) -> Limits:
        """The limits that a worker enforces on the child that trains."""
        return Limits(hang_seconds=self.hang_seconds, memory_mb=self.memory_mb)


class KeepSpec(Frozen):
    """How many of the best trials keep their weights."""

    weights: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3


class MlflowSpec(Frozen):
    """The MLflow experiment; null: the service's own."""

    experiment: Name | None = None


def _space_form(value: Any) -> str:
    return "preset" if isinstance(value, str) else "parameters"


def _first_form(value: Any) -> str:
    return "baseline" if isinstance(value, str) else "settings"


Parameters: TypeAlias = Annotated[
    dict[SettingName, Parameter],
    Field(min_length=1, max_length=100),
    BeforeValidator(spelled_out, json_schema_input_type=WrittenSpace),
]
SpaceSpec: TypeAlias = Annotated[
    Annotated[Parameters, Tag("parameters")] | Annotated[PresetName, Tag("preset")],
    Discriminator(_space_form),
]
FirstSpec: TypeAlias = Annotated[
    Annotated[Literal["baseline"], Tag("baseline")]
    | Annotated[dict[SettingName, Scalar], Field(max_length=50), Tag("settings")],
    Discriminator(_first_form),
]


class SweepSpec(Frozen):
    """One sweep. Everything but the problem has a default; `check_spec` also finds what fields say of each other.

    `num_train` is filled in when a sweep is accepted: the training examples, null where they are not known.
    """

    name: Name | None = None
    problem: ProblemConfig
    space: SpaceSpec = "sgd-basic"
    metric: MetricSpec | None = None
    sampler: SamplerSpec = SamplerSpec()
    pruner: PrunerSpec = AshaPruner()
    budget: BudgetSpec = BudgetSpec()
    limits: LimitsSpec = LimitsSpec()
    keep: KeepSpec = KeepSpec()
    seed: Seed = 0
    engine: Literal["auto", "serial", "fused"] = "auto"
    precision: Precision = "float32"
    first: Annotated[tuple[FirstSpec, ...], Field(max_length=100)] = ("baseline",)
    mlflow: MlflowSpec = MlflowSpec()
    num_train: Annotated[int, Field(strict=True, ge=1)] | None = None

    @field_validator("sampler", mode="before")
    @classmethod
    def _sampler_is_built(cls, value: Any) -> Any:
        return _built(value, later=LATER_SAMPLERS, instead="tpe for short trials, or qmc")

    @field_validator("pruner", mode="before")
    @classmethod
    def _pruner_is_built(cls, value: Any) -> Any:
        return _built(value, later=LATER_PRUNERS, instead="asha")

    @cached_property
    def goal_metric(self) -> MetricConfig:
        """The metric of a resolved spec."""
        assert self.metric is not None
        assert self.metric.goal is not None
        return MetricConfig(name=self.metric.name, goal=self.metric.goal)

    @cached_property
    def search_space(self) -> SearchSpace:
        """The space of a resolved spec."""
        return SearchSpace(parameters_of(self))

    @cached_property
    def needs_range_test(self) -> bool:
        """Whether the bounds of the learning rate are to be found before anything is proposed."""
        return parameters_of(self).get("learning_rate") == AUTO

    @property
    def only_range_test(self) -> bool:
        """Whether the range test is all that is wanted."""
        return self.space == "range-test"


def _built(value: Any, *, later: tuple[str, ...], instead: str) -> Any:
    if isinstance(value, str):
        raise wrong("is a text", mend=f"write {{kind: {value[:50]}}}")
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in later:
        raise wrong(f"{kind} is not built yet", mend=f"use {instead} until then")
    return value


def parameters_of(spec: SweepSpec, *, num_train: int | None = None) -> dict[str, Parameter]:
    """The parameters of a spec's space with the conditions that they imply; `num_train` is what a preset hangs on."""
    return completed(preset_space(spec.space, num_train=num_train) if isinstance(spec.space, str) else spec.space)


def with_bounds(spec: SweepSpec, *, low: float, high: float) -> SweepSpec:
    """A resolved spec that needs a range test, with the bounds that it found for the learning rate."""
    found = {"learning_rate": Range(low=low, high=high, log=True)}
    said = {name: getattr(spec, name) for name in SweepSpec.model_fields}
    return SweepSpec.model_validate(said | {"space": parameters_of(spec) | found})


def resolved(
    spec: SweepSpec, *, name: str, sampler_seed: int, default_metric: MetricConfig, num_train: int | None
) -> SweepSpec:
    """The spec as it really runs: nothing is left to be drawn or chosen, but `budget.parallel` and what `auto` finds,
    of the learning rate's bounds as of the engines.

    `sampler_seed` is used where the spec has none; `num_train` counts training examples. Resolving twice changes
    nothing.
    """
    metric = spec.metric or MetricSpec(name=default_metric.name, goal=default_metric.goal)
    seed = spec.sampler.seed if spec.sampler.seed is not None else sampler_seed
    return spec.model_copy(
        update={
            "name": spec.name or name,
            "space": spec.space if spec.only_range_test else parameters_of(spec, num_train=num_train),
            "metric": MetricSpec(name=metric.name, goal=metric.goal or goal_of(metric.name)),
            "sampler": SamplerSpec(kind=spec.sampler.kind, seed=seed),
            "num_train": num_train,
        }
    )


def goal_of(metric: str) -> Goal:
    """Which way is better for a metric of which only the name is known."""
    return "minimize" if metric.endswith(LOWER_IS_BETTER) else "maximize"


def first_settings(spec: SweepSpec) -> list[dict[str, Setting]]:
    """The settings that a resolved spec wants tried before the sampler's; what they leave out is sampled."""
    space, plain = spec.search_space, baseline(spec.problem)
    return [space.nearest(plain) if isinstance(first, str) else dict(first) for first in spec.first]
