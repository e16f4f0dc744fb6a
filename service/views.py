"""From records to the shapes of the API: reads of the database and no change."""

from collections.abc import Sequence

from sqlalchemy import Connection

from service.coordination.known import facts_of
from service.coordination.ordering import balance_warnings, width_warnings
from service.coordination.reasons import why_serial
from service.engine_records import GroupEngine
from service.errors import NotFound
from service.mlflow_urls import run_url, trials_url
from service.records import Epoch, Event, MlflowRun, Sweep, Trial
from service.schemas import (
    BaselineAnswer,
    BestAnswer,
    BestSoFar,
    BudgetState,
    EngineAnswer,
    EpochAnswer,
    EventAnswer,
    ExportState,
    MlflowModel,
    MlflowState,
    SweepAnswer,
    TrialAnswer,
    at,
)
from service.stores import engines as engine_rows
from service.stores import epochs as epoch_rows
from service.stores import events as event_rows
from service.stores import runs
from service.stores import sweeps as sweep_rows
from service.stores import trials as trial_rows
from sweeps.insights.edges import edge_warnings
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_SWEEP_STATES

BASELINE = "baseline"


def find_sweep(connection: Connection, sweep_id: str) -> Sweep:
    """The sweep. Raises NotFound."""
    sweep = sweep_rows.get(connection, sweep_id)
    if sweep is None:
        raise NotFound(f"There is no sweep {sweep_id}; GET /v1/sweeps lists them.")
    return sweep


def find_trial(connection: Connection, sweep_id: str, *, number: int) -> Trial:
    """The trial. Raises NotFound."""
    find_sweep(connection, sweep_id)
    trial = trial_rows.get(connection, sweep_id, number=number)
    if trial is None:
        raise NotFound(f"Sweep {sweep_id} has no trial {number}; GET /v1/sweeps/{sweep_id}/trials lists them.")
    return trial


def sweep_answers(connection: Connection, sweeps: Sequence[Sweep], *, now: float, mlflow_url: str) -> list[SweepAnswer]:
    """Sweeps as clients see them."""
    counts = sweep_rows.trial_counts(connection, [one.id for one in sweeps])
    engines = engine_rows.of_sweeps(connection, [one.id for one in sweeps])
    place = runs.place(connection)
    return [
        SweepAnswer(
            **_plain_fields(one),
            warnings=spec_warnings(connection, one.spec, num_trials=one.budget_trials),
            created_at=at(one.created_at),
            started_at=_time(one.started_at),
            ended_at=_time(one.ended_at),
            trial_counts=counts[one.id],
            best=_best_so_far(connection, one),
            budget=_budget(one, now=now),
            mlflow=_mlflow(connection, one, place=place, url=mlflow_url),
            export=ExportState(**one.export.model_dump(exclude={"file"})) if one.export is not None else None,
            engines=[_engine_answer(found) for found in engines[one.id]],
        )
        for one in sweeps
    ]


def trial_answers(connection: Connection, trials: Sequence[Trial], *, sweep_id: str) -> list[TrialAnswer]:
    """Trials as clients see them."""
    known = runs.of_sweep(connection, sweep_id, numbers=[one.number for one in trials])
    why = why_serial(connection, find_sweep(connection, sweep_id), trials=trials)
    return [_trial_answer(one, known.get(one.number), why_serial=why.get(one.number)) for one in trials]


def epoch_answer(epoch: Epoch) -> EpochAnswer:
    """An epoch as clients see it."""
    return EpochAnswer(epoch=epoch.epoch, metrics=epoch.metrics, at=at(epoch.at))


def best_answer(connection: Connection, sweep: Sweep) -> BestAnswer:
    """The answer of the sweep. Raises NotFound until a trial is COMPLETED."""
    if sweep.best_number is None or sweep.best_value is None:
        raise NotFound(no_best(sweep))
    best = find_trial(connection, sweep.id, number=sweep.best_number)
    baseline = _baseline(connection, sweep)
    known = baseline is not None and baseline.value is not None
    return BestAnswer(
        trial=best.number,
        settings=best.settings,
        value=sweep.best_value,
        baseline=baseline,
        difference=sweep.best_value - baseline.value if known and baseline and baseline.value is not None else None,
        warnings=[
            *edge_warnings(sweep.spec, settings=best.settings),
            *spec_warnings(connection, sweep.spec, num_trials=sweep.budget_trials),
        ],
    )


def spec_warnings(connection: Connection, spec: SweepSpec, *, num_trials: int) -> list[str]:
    """What to think over in what was asked for."""
    try:
        balance = balance_warnings(spec, facts=facts_of(connection, spec.problem))
    except ValueError:  # what it trained is not known here any more; the sweep is still to be shown
        balance = []
    return [*width_warnings(spec, num_trials=num_trials), *balance]


def no_best(sweep: Sweep) -> str:
    """What is said to those who ask for the best trial while there is none."""
    if sweep.state in FINAL_SWEEP_STATES:
        return f"No trial was COMPLETED, so there is no best one; the sweep is {sweep.state} ({sweep.reason})."
    return "No trial is COMPLETED yet, so there is no best one; ask again when the sweep is further."


def event_answers(connection: Connection, sweep: Sweep, *, after: int, limit: int) -> list[EventAnswer]:
    """The next events of a sweep, with the facts that they are about."""
    found = event_rows.after(connection, after, limit=limit, sweep_id=sweep.id)
    epochs = epoch_rows.several(connection, sweep.id, keys=[(e.number, e.epoch) for e in found if e.kind == "epoch"])
    numbers = {event.number for event in found if event.kind in ("trial.state", "best") and event.number is not None}
    trials = {one.number: one for one in trial_rows.several(connection, [(sweep.id, number) for number in numbers])}
    return [_event_answer(event, epochs, trials) for event in found]


def _event_answer(event: Event, epochs: dict[tuple[int, int], Epoch], trials: dict[int, Trial]) -> EventAnswer:
    trial = trials.get(event.number) if event.number is not None else None
    if event.kind == "epoch":
        stored = epochs.get((event.number or 0, event.epoch or 0))
        data: dict[str, object] = {"metrics": stored.metrics if stored else {}}
    elif event.kind == "best":
        data = {"value": trial.value, "settings": trial.settings} if trial else {}
    else:
        data = {"state": event.state}
        if trial is not None and trial.state == event.state:
            data |= {"value": trial.value, "reason": trial.reason}
    return EventAnswer(id=event.id, kind=event.kind, trial=event.number, epoch=event.epoch, at=at(event.at), data=data)


def _baseline(connection: Connection, sweep: Sweep) -> BaselineAnswer | None:
    """The trial of the baseline settings: the first trials are asked in the order of `first`."""
    names = list(sweep.spec.first)
    if BASELINE not in names:
        return None
    trial = trial_rows.get(connection, sweep.id, number=names.index(BASELINE))
    return None if trial is None else BaselineAnswer(trial=trial.number, value=trial.value)


def _best_so_far(connection: Connection, sweep: Sweep) -> BestSoFar | None:
    if sweep.best_number is None or sweep.best_value is None:
        return None
    trial = trial_rows.get(connection, sweep.id, number=sweep.best_number)
    assert trial is not None
    return BestSoFar(number=trial.number, value=sweep.best_value, settings=trial.settings)


def _budget(sweep: Sweep, *, now: float) -> BudgetState:
    return BudgetState(
        trials=sweep.budget_trials,
        trials_finished=sweep.trials_finished,
        seconds=sweep.budget_seconds,
        seconds_spent=round(sweep.seconds_running(now=now), 3),
    )


def _mlflow(connection: Connection, sweep: Sweep, *, place: int, url: str) -> MlflowState:
    parent = runs.of_sweep(connection, sweep.id, numbers=[runs.PARENT]).get(runs.PARENT)
    pending = event_rows.count_after(connection, place, sweep_id=sweep.id)
    if parent is None or parent.experiment_id is None or parent.run_id is None:
        return MlflowState(
            experiment_id=parent.experiment_id if parent else None, run_id=None, url=None, pending=pending
        )
    return MlflowState(
        experiment_id=parent.experiment_id,
        run_id=parent.run_id,
        url=run_url(url, experiment_id=parent.experiment_id, run_id=parent.run_id),
        trials_url=trials_url(url, experiment_id=parent.experiment_id),
        model=_model(parent),
        pending=pending,
    )


def _model(run: MlflowRun) -> MlflowModel | None:
    name, version = run.model_name, run.model_version
    return MlflowModel(name=name, version=version, uri=f"models:/{name}/{version}") if name and version else None


def _trial_answer(trial: Trial, run: MlflowRun | None, *, why_serial: str | None) -> TrialAnswer:
    return TrialAnswer(
        number=trial.number,
        state=trial.state,
        settings=trial.settings,
        value=trial.value,
        best_epoch=trial.best_epoch,
        seed=trial.seed,
        num_epochs=trial.num_epochs,
        attempts=trial.attempts,
        engine=trial.engine,
        engine_reason=why_serial,
        worker=trial.worker,
        mlflow_run_id=run.run_id if run else None,
        reason=trial.reason,
        started_at=_time(trial.started_at),
        ended_at=_time(trial.ended_at),
    )


def _engine_answer(found: GroupEngine) -> EngineAnswer:
    measured = {name: getattr(found, name) for name in ("engine", "width", "gain", "serial_us", "fused_us", "reason")}
    return EngineAnswer(group=found.group_id, **measured, **dict(found.traits))


def _plain_fields(sweep: Sweep) -> dict[str, object]:
    return {name: getattr(sweep, name) for name in ("id", "name", "state", "reason", "spec", "range_test")}


def _time(seconds: float | None) -> object:
    return None if seconds is None else at(seconds)
