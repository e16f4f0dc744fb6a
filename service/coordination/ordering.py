"""From the body of POST /v1/sweeps to a spec that says what will really run."""

import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any, TypeAlias

from service.errors import InvalidRequest
from sweeps.checks import check_spec
from sweeps.space.fitting import check_data
from sweeps.spec import SweepSpec, resolved
from sweeps.studies.samplers import LEARNING_SAMPLERS
from sweeps.wrong import FieldError, InvalidSpec
from trainer import catalog
from trainer.config import MetricConfig, ProblemConfig
from trainer.facts import ProblemFacts

MAX_SAMPLER_SEED = 2**31
MAX_STEM_LETTERS = 100  # of a problem's name in that of a sweep, which with the id must still be a name

FactsOf: TypeAlias = Callable[[ProblemConfig], ProblemFacts]
"""The facts about a problem; ValueError (`field: what; mend`) for one that is not known here."""


def new_sweep_id() -> str:
    """A new sweep's id: short enough to type, random enough not to meet again."""
    return secrets.token_hex(5)


def checked(raw: object) -> SweepSpec:
    """The spec that a body stands for, by itself without fault. Raises InvalidRequest naming every field that is."""
    try:
        return check_spec(raw)
    except InvalidSpec as error:
        raise invalid(error.errors) from error


def resolve(spec: SweepSpec, *, sweep_id: str, facts_of: FactsOf) -> SweepSpec:
    """The spec with nothing left to draw or choose. Raises InvalidRequest where it does not fit what it trains."""
    facts = _facts(spec, facts_of=facts_of)
    if errors := check_data(spec, facts=facts):
        raise invalid(errors)
    return resolved(
        spec.model_copy(update={"problem": catalog.complete(spec.problem, facts=facts)}),
        name=f"{spec.problem.name[:MAX_STEM_LETTERS]}-{sweep_id}",
        sampler_seed=secrets.randbelow(MAX_SAMPLER_SEED),
        default_metric=catalog.default_metric(facts),
        num_train=facts.num_train,
    )


def width_warnings(spec: SweepSpec, *, num_trials: int) -> list[str]:
    """One sentence where so many trials are in flight that the sampler cannot learn from most of them (DESIGN 2)."""
    parallel, kind = spec.budget.parallel, spec.sampler.kind
    if not isinstance(parallel, int) or kind not in LEARNING_SAMPLERS or 2 * parallel < num_trials:
        return []
    return [f"budget.parallel {parallel} of {num_trials} trials leaves {kind} little to learn from: auto is narrower."]


def balance_warnings(spec: SweepSpec, *, facts: ProblemFacts) -> list[str]:
    """One sentence where the metric is accuracy and guessing the most frequent class alone looks well."""
    counts = facts.class_counts
    if spec.goal_metric.name != "val_accuracy" or not facts.is_unbalanced:
        return []
    return [
        f"the classes are unbalanced (of {sum(counts)} training examples {max(counts)} are of one class): val_accuracy "
        f"is {max(counts) / sum(counts):.2f} where that one is always guessed; val_balanced_accuracy or val_f1_macro "
        "count all classes alike."
    ]


def body_hash(raw: Any) -> str:
    """The same for bodies that say the same."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def invalid(errors: tuple[FieldError, ...]) -> InvalidRequest:
    """The error that answers these faults."""
    return InvalidRequest("; ".join(map(str, errors)), errors=errors)


def _facts(spec: SweepSpec, *, facts_of: FactsOf) -> ProblemFacts:
    """The facts about the problem, which fits them; raises InvalidRequest."""
    try:
        facts = facts_of(spec.problem)
        catalog.check_problem(spec.problem, facts=facts)
        if spec.metric is not None:
            catalog.check_metric(MetricConfig(name=spec.metric.name), facts=facts)
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        what, _, mend = message.partition("; ")
        raise invalid((FieldError(field if field == "metric" else f"problem.{field}", what, mend),)) from error
    return facts
