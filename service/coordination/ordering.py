"""From the body of POST /v1/sweeps to a spec that says what will really run."""

import hashlib
import json
import secrets
from typing import Any

from service.errors import InvalidRequest
from sweeps.checks import ENOUGH, check_data, check_spec
from sweeps.samplers import LEARNING_SAMPLERS
from sweeps.spec import SweepSpec, resolved
from sweeps.wrong import FieldError, InvalidSpec
from trainer import catalog
from trainer.config import MetricConfig
from trainer.facts import ProblemFacts

MAX_SAMPLER_SEED = 2**31


def new_sweep_id() -> str:
    """A new sweep's id: short enough to type, random enough not to meet again."""
    return secrets.token_hex(5)


def resolve(raw: object, *, sweep_id: str) -> SweepSpec:
    """The spec with nothing left to draw or choose. Raises InvalidRequest naming every field that is wrong."""
    try:
        spec = check_spec(raw)
    except InvalidSpec as error:
        raise invalid(error.errors) from error
    facts = catalog.DATASETS.get(spec.problem.name)
    if errors := _problem_errors(spec, facts=facts):
        raise invalid(errors)
    assert facts is not None
    num_train = facts.num_train or ENOUGH
    if errors := check_data(spec, num_train=num_train):
        raise invalid(errors)
    return resolved(
        spec.model_copy(update={"problem": catalog.complete(spec.problem, facts=facts)}),
        name=f"{spec.problem.name}-{sweep_id}",
        sampler_seed=secrets.randbelow(MAX_SAMPLER_SEED),
        default_metric=catalog.default_metric(facts),
        num_train=num_train,
    )


def width_warnings(spec: SweepSpec, *, num_trials: int) -> list[str]:
    """One sentence where so many trials are in flight that the sampler cannot learn from most of them (DESIGN 2)."""
    parallel, kind = spec.budget.parallel, spec.sampler.kind
    if not isinstance(parallel, int) or kind not in LEARNING_SAMPLERS or 2 * parallel < num_trials:
        return []
    return [f"budget.parallel {parallel} of {num_trials} trials leaves {kind} little to learn from: auto is narrower."]


def body_hash(raw: Any) -> str:
    """The same for bodies that say the same."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def invalid(errors: tuple[FieldError, ...]) -> InvalidRequest:
    """The error that answers these faults."""
    return InvalidRequest("; ".join(map(str, errors)), errors=errors)


def _problem_errors(spec: SweepSpec, *, facts: ProblemFacts | None) -> tuple[FieldError, ...]:
    try:
        facts = facts or catalog.dataset(spec.problem.name)
        catalog.check_problem(spec.problem, facts=facts)
        if spec.metric is not None:
            catalog.check_metric(MetricConfig(name=spec.metric.name), facts=facts)
    except ValueError as error:
        field, _, message = str(error).partition(": ")
        what, _, mend = message.partition("; ")
        return (FieldError(field if field == "metric" else f"problem.{field}", what, mend),)
    return ()
