"""What an MLflow run is to hold, worked out from the records of a sweep. Pure: nothing here knows MLflow."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from service.engine_records import GroupEngine
from service.recorder.note import Standing, note
from service.records import Epoch, Sweep, Trial
from sweeps.states import SweepState, TrialState

RunStatus: TypeAlias = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]

SWEEP_TAG = "ravine.sweep"
KEY_TAG = "ravine.trial"

_OF_TRIAL: dict[TrialState, RunStatus] = {
    TrialState.COMPLETED: "FINISHED",
    TrialState.DIVERGED: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.CANCELLED: "KILLED",
    TrialState.FAILED: "FAILED",
}
_OF_SWEEP: dict[SweepState, RunStatus] = {
    SweepState.COMPLETED: "FINISHED",
    SweepState.STOPPED: "FINISHED",
    SweepState.CANCELLED: "KILLED",
    SweepState.FAILED: "FAILED",
}


class Point(NamedTuple):  # a dataclass would take three times as long to make, and there are a hundred in a trial
    """One point of one metric, finite; `at_ms` is part of what makes it the same point when it is sent again."""

    key: str
    value: float
    at_ms: int
    step: int


@dataclass(frozen=True)
class Origin:
    """Who trains, and with which code: the user's name and the git commit, where one is known."""

    user: str
    commit: str | None


@dataclass(frozen=True)
class RunContent:
    """What one run is to hold now. `key` is the value of its tag KEY_TAG: <sweep>/<number>, of a parent <sweep>."""

    key: str
    name: str
    status: RunStatus
    tags: dict[str, str]
    params: dict[str, str]
    points: tuple[Point, ...]
    started_ms: int
    ended_ms: int | None


def trial_content(
    sweep: Sweep, *, trial: Trial, epochs: Sequence[Epoch], origin: Origin, why_serial: str | None = None
) -> RunContent | None:
    """The run of a trial with the points of these epochs; None while nothing was trained and it has not ended."""
    status = _OF_TRIAL.get(trial.state, "RUNNING")
    started_at = trial.started_at or trial.ended_at
    if started_at is None:
        return None
    points = [point for epoch in epochs for point in _epoch_points(epoch)]
    points += [point for epoch in epochs if epoch.epoch == trial.best_epoch for point in _value_points(trial, epoch)]
    is_baseline = trial.number == baseline_number(sweep)
    return RunContent(
        key=trial_key(sweep.id, number=trial.number),
        name=f"#{trial.number} baseline" if is_baseline else f"#{trial.number}",
        status=status,
        tags=_trial_tags(trial, why_serial=why_serial) | _precision_tag(sweep) | _origin_tags(origin),
        params={name: _text(value) for name, value in trial.settings.items()},
        points=tuple(points),
        started_ms=_ms(started_at),
        ended_ms=None if status == "RUNNING" else _ms(trial.ended_at or started_at),
    )


def sweep_content(sweep: Sweep, *, standing: Standing, improvements: Sequence[Trial], origin: Origin) -> RunContent:
    """The parent run of a sweep; `improvements` are trials that were the best when they ended."""
    status = _OF_SWEEP.get(sweep.state, "RUNNING")
    ended_ms = None if status == "RUNNING" else _ms(sweep.ended_at or sweep.created_at)
    points = [point for trial in improvements for point in _improvement_points(trial)]
    if ended_ms is not None:
        points += _closing_points(standing, at_ms=ended_ms)
    return RunContent(
        key=sweep.id,
        name=sweep.name,
        status=status,
        tags=_sweep_tags(sweep, standing=standing) | _precision_tag(sweep) | _origin_tags(origin),
        params=_sweep_params(sweep),
        points=tuple(points),
        started_ms=_ms(sweep.created_at),
        ended_ms=ended_ms,
    )


def trial_key(sweep_id: str, *, number: int) -> str:
    """The key of a trial's run; a parent's is the sweep's id."""
    return f"{sweep_id}/{number}"


def baseline_number(sweep: Sweep) -> int | None:
    """The number of the baseline: the settings of `first` are the first trials, in order."""
    return sweep.spec.first.index("baseline") if "baseline" in sweep.spec.first else None


def _trial_tags(trial: Trial, *, why_serial: str | None) -> dict[str, str]:
    tags = {
        SWEEP_TAG: trial.sweep_id,
        KEY_TAG: trial_key(trial.sweep_id, number=trial.number),
        "ravine.number": trial.number,
        "ravine.seed": trial.seed,
        "ravine.attempts": trial.attempts,
        "ravine.worker": trial.worker,
        "ravine.engine": trial.engine,
        "ravine.engine_reason": why_serial,
        "ravine.state": trial.state.value,
        "ravine.reason": trial.reason,
    }
    return _texts(tags)


def _sweep_tags(sweep: Sweep, *, standing: Standing) -> dict[str, str]:
    best = standing.best
    tags = {
        SWEEP_TAG: sweep.id,
        KEY_TAG: sweep.id,
        "ravine.state": sweep.state.value,
        "ravine.reason": sweep.reason,
        "ravine.best_trial": None if best is None else best.number,
        "ravine.best_settings": None if best is None else json.dumps(best.settings),
        **_engine_tags(standing.engines),
        "mlflow.note.content": note(sweep, standing=standing),
    }
    return _texts(tags)


def _engine_tags(engines: Sequence[GroupEngine]) -> dict[str, object]:
    """Which engine trains which group of trials, and how many times as fast the one that gained most is stacked."""
    known = [one.traits.model_dump(mode="json") | _measured(one) for one in engines]
    gains = [one.gain for one in engines if one.engine == "fused" and one.gain is not None]
    return {"ravine.engines": known or None, "ravine.engine_gain": round(max(gains), 2) if gains else None}


def _measured(one: GroupEngine) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("engine", "width", "gain", "serial_us", "fused_us", "reason")}


def _precision_tag(sweep: Sweep) -> dict[str, str]:
    return {} if sweep.spec.precision == "float32" else {"ravine.precision": sweep.spec.precision}


def _origin_tags(origin: Origin) -> dict[str, str]:
    return _texts(
        {
            "mlflow.user": origin.user,
            "mlflow.source.name": "ravine",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": origin.commit,
        }
    )


def _sweep_params(sweep: Sweep) -> dict[str, str]:
    # MLflow refuses to change a param: only what was asked for first stands here, never what `:extend` added.
    wanted = {"problem", "metric", "sampler", "pruner", "budget", "seed"}
    found = {"range_test": {"low": curve.low, "high": curve.high}} if (curve := sweep.range_test) is not None else {}
    return dict(_flat(sweep.spec.model_dump(mode="json", by_alias=True, include=wanted) | found))


def _flat(values: Mapping[str, Any], *, prefix: str = "") -> list[tuple[str, str]]:
    """The leaves that are set, by path."""
    leaves: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            leaves += _flat(value, prefix=f"{prefix}{name}.")
        elif value is not None:
            leaves.append((prefix + name, _text(value)))
    return leaves


def _epoch_points(epoch: Epoch) -> list[Point]:
    at_ms = _ms(epoch.at)
    return [
        Point(key, value, at_ms, epoch.epoch)
        for key, value in epoch.metrics.items()
        if value is not None and math.isfinite(value)
    ]


def _value_points(trial: Trial, best: Epoch) -> list[Point]:
    """What the table of runs is sorted by: the value, at the epoch where it was reached."""
    if trial.value is None:
        return []
    at_ms = _ms(best.at)
    return [
        Point("value", trial.value, at_ms=at_ms, step=best.epoch),
        Point("best_epoch", float(best.epoch), at_ms=at_ms, step=best.epoch),
    ]


def _improvement_points(trial: Trial) -> list[Point]:
    """The sweep's best value over the trials that have ended; also as `value`, to stand in the trials' column."""
    if trial.value is None or trial.ended_at is None:
        return []
    step = trial.number if trial.tell_number is None else trial.tell_number
    return [Point(key, trial.value, at_ms=_ms(trial.ended_at), step=step) for key in ("best_value", "value")]


def _closing_points(standing: Standing, *, at_ms: int) -> list[Point]:
    counts = {f"trials_{state.value.lower()}": float(count) for state, count in standing.counts.items()}
    if standing.baseline is not None and standing.baseline.value is not None:
        counts["baseline_value"] = standing.baseline.value
    return [Point(key, value, at_ms=at_ms, step=0) for key, value in counts.items()]


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
