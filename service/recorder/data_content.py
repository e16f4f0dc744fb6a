"""The data that a sweep trains on, as MLflow shows it beside a run. Pure: nothing here knows MLflow."""

import hashlib
import json
from dataclasses import dataclass

from trainer.facts import ProblemFacts

DIGEST_LENGTH = 32  # MLflow takes at most 36


@dataclass(frozen=True)
class DataContent:
    """A data set as an input of a run; all but `name` and `digest` are JSON, in the form that MLflow's UI reads."""

    name: str
    digest: str
    source: str
    schema: str
    profile: str


def data_content(facts: ProblemFacts) -> DataContent:
    """The data of a problem. What ships with Ravine has no hash of its own: its description stands for it."""
    digest = facts.digest or hashlib.sha256(facts.model_dump_json().encode()).hexdigest()
    counts = {"train": facts.num_train, "validation": facts.num_validation, "test": facts.num_test}
    known = {part: count for part, count in counts.items() if count is not None}
    profile: dict[str, object] = {f"num_{part}": count for part, count in known.items()}
    if len(known) == len(counts):
        profile = {"num_rows": sum(known.values()), **profile}
    if facts.num_classes:
        profile["num_classes"] = facts.num_classes
    tags = {"mlflow.source.name": f"ravine {facts.kind} {facts.name}", "ravine.digest": digest}
    return DataContent(
        name=facts.name,
        digest=digest[:DIGEST_LENGTH],
        source=json.dumps({"tags": tags}),
        schema=json.dumps({"mlflow_tensorspec": {"features": _features(facts), "targets": _targets(facts)}}),
        profile=json.dumps(profile),
    )


def _features(facts: ProblemFacts) -> str:
    return _tensor("float32", shape=facts.input_shape)


def _targets(facts: ProblemFacts) -> str | None:
    if facts.task == "classification":
        return _tensor("int64", shape=())
    return _tensor("float32", shape=(1,)) if facts.task == "regression" else None


def _tensor(dtype: str, *, shape: tuple[int, ...]) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}])
