"""What one training by hand is told, as JSON."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from trainer.catalog import check_metric, check_problem, check_settings, complete, dataset, default_metric
from trainer.config import Assignment, MetricConfig, Precision, ProblemConfig
from trainer.facts import ProblemFacts
from trainer.frozen import Frozen
from trainer.model_settings import MODEL_SETTINGS, ModelSettings, folded
from trainer.own.discovery import discover, plugin_named
from trainer.own.settings import chosen
from trainer.settings import Setting, Settings, nested

OF_MODEL, OF_PROBLEM = "model.", "problem."


class TrainingConfig(Frozen):
    """`problems` are files or modules with problems of one's own; `metric` is the problem's own where it is null.

    `settings` are named by path, also the model's (`model.width`) and a plugin's (`problem.noise`), or nested.
    """

    problem: ProblemConfig = ProblemConfig(dataset="digits")
    problems: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    epochs: int = Field(default=20, ge=1, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    metric: MetricConfig | None = None
    precision: Precision = "float32"
    device: str = "cpu"


class _Said(Frozen):
    """Two kinds of settings, apart: an error then names `settings.learning_rate` or `model.width`."""

    settings: Settings
    model: ModelSettings


def assigned(config: TrainingConfig) -> Assignment:
    """The training; ValueError where the parts of the config do not fit together, ProblemError without the plugin."""
    facts = _facts(config)
    beside = {path: value for path, value in config.settings.items() if path.startswith((OF_MODEL, OF_PROBLEM))}
    settings = _typed(config.settings, beside=beside)
    check_settings(settings, facts=facts)
    metric = config.metric or default_metric(facts)
    check_metric(metric, facts=facts)
    return Assignment(
        attempt=0,
        sweep="by-hand",
        trial=0,
        problem=_problem(config.problem, facts=facts, settings=beside),
        settings=settings,
        epochs=config.epochs,
        seed=config.seed,
        metric=metric,
        precision=config.precision,
    )


def _facts(config: TrainingConfig) -> ProblemFacts:
    if config.problem.plugin is None:
        return dataset(config.problem.name)
    discover(config.problems)
    return plugin_named(config.problem.name).facts


def _typed(settings: Mapping[str, Any], *, beside: Mapping[str, Setting]) -> Settings:
    own = {path: value for path, value in settings.items() if path not in beside}
    model = {path.removeprefix(OF_MODEL): value for path, value in beside.items() if path.startswith(OF_MODEL)}
    return _Said.model_validate({"settings": nested(own), "model": model}).settings


def _problem(problem: ProblemConfig, *, facts: ProblemFacts, settings: Mapping[str, Setting]) -> ProblemConfig:
    whole = complete(problem, facts=facts)
    known = MODEL_SETTINGS[whole.model.kind] if whole.model is not None else {}
    for path in settings:
        if path.startswith(OF_MODEL) and path not in known:
            has = ", ".join(known) or "it has none"
            raise ValueError(f"settings.{path}: the model of {facts.name} has no such setting; known: {has}")
    trained = folded(whole, settings=settings)
    if trained.plugin is not None:  # first: it names a setting as it is written here, problem.width
        chosen(plugin_named(trained.plugin).plugin.settings, values=trained.settings)
    check_problem(trained, facts=facts)
    return trained
