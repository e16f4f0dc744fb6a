"""Writes sweeps into a database as the coordinator does: rows and events in one transaction."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from service.coordination.groups import Groups
from service.database.database import Database
from service.engine_records import GroupTraits
from service.records import Epoch, Event, ModelExport, Sweep, Trial
from service.stores import epochs, events, sweeps, trials
from service.tables import attempt, engines
from sweeps.spec import SweepSpec, resolved
from sweeps.states import SweepState, TrialState
from trainer.config import CheckpointRef, MetricConfig
from trainer.task import RangeCurve

BEGIN = 1_700_000_000.0


def make_sweep(sweep_id: str = "s1", **spec: Any) -> Sweep:
    """A RUNNING sweep of digits."""
    wanted = SweepSpec.model_validate({"problem": {"dataset": "digits"}, "budget": {"trials": 40}, **spec})
    return Sweep(
        id=sweep_id,
        position=1,
        name=f"digits-{sweep_id}",
        state=SweepState.RUNNING,
        reason=None,
        spec=resolved(wanted, name=f"digits-{sweep_id}", sampler_seed=7, default_metric=MetricConfig(), num_train=1000),
        budget_trials=40,
        budget_seconds=None,
        seconds_spent=0.0,
        running_since=BEGIN,
        trials_finished=0,
        failed_trials=0,
        consecutive_failures=0,
        best_number=None,
        best_value=None,
        study_attrs={},
        range_test=None,
        export=None,
        created_at=BEGIN,
        started_at=BEGIN,
        ended_at=None,
    )


def make_trial(number: int = 0, *, sweep_id: str = "s1", **values: Any) -> Trial:
    """A trial that waits for a worker."""
    trial = Trial(
        sweep_id=sweep_id,
        number=number,
        state=TrialState.WAITING,
        settings={"learning_rate": 0.01 * (number + 1), "momentum": 0.9, "batch_size": 32},
        value=None,
        best_epoch=None,
        seed=1000 + number,
        num_epochs=0,
        attempts=1,
        blamed_attempts=0,
        outside_deaths=0,
        seconds=0.0,
        engine="serial",
        worker="w1",
        reason=None,
        checkpoint=None,
        weights=None,
        attrs={},
        tell_number=None,
        started_at=None,
        ended_at=None,
    )
    return replace(trial, **values)


def make_epoch(number: int, *, epoch: int, sweep_id: str = "s1") -> Epoch:
    """An epoch with the metrics of a classification; val_accuracy rises with epoch and trial."""
    metrics: dict[str, float | None] = {
        "train_loss": 1.0 / epoch,
        "val_loss": 1.1 / epoch,
        "val_accuracy": accuracy(number, epoch=epoch),
        "learning_rate": 0.01,
        "momentum": 0.9,
        "grad_norm": None if epoch == 1 else 0.5,
        "epoch_seconds": 0.02,
    }
    return Epoch(sweep_id, number, epoch, metrics, at=BEGIN + number + epoch / 1000)


def accuracy(number: int, *, epoch: int) -> float:
    """The value that a trial has after an epoch."""
    return 0.5 + epoch / 100 + number / 1000


class Story:
    """A database and what happens in it."""

    def __init__(self, folder: Path, *, database_url: str) -> None:
        self.url = database_url
        self.database = Database(self.url)
        self.files = folder / "files"

    def sweep(self, sweep_id: str = "s1", **spec: Any) -> Sweep:
        """A sweep begins."""
        sweep = make_sweep(sweep_id, **spec)
        with self.database.write() as connection:
            sweeps.add(connection, sweep)
            events.add(connection, [_event(sweep_id, kind="sweep.state", state="RUNNING")])
        return sweep

    def trial(self, number: int, *, sweep_id: str = "s1", **values: Any) -> None:
        """A trial begins to train."""
        begun = {"state": TrialState.RUNNING, "started_at": BEGIN + number, **values}
        with self.database.write() as connection:
            trials.add(connection, make_trial(number, sweep_id=sweep_id, **begun))
            state = begun["state"].value
            events.add(connection, [_event(sweep_id, kind="trial.state", number=number, state=state)])

    def epochs(self, number: int, *, first: int = 1, last: int, sweep_id: str = "s1") -> None:
        """A trial reports these epochs."""
        new = [make_epoch(number, epoch=epoch, sweep_id=sweep_id) for epoch in range(first, last + 1)]
        value = accuracy(number, epoch=last)
        with self.database.write() as connection:
            epochs.add(connection, new)
            trials.change(connection, sweep_id, number=number, num_epochs=last, best_epoch=last, value=value)
            events.add(connection, [_event(sweep_id, kind="epoch", number=number, epoch=one.epoch) for one in new])

    def end(
        self, number: int, *, state: TrialState = TrialState.COMPLETED, sweep_id: str = "s1", **values: Any
    ) -> None:
        """A trial ends."""
        ended = {"state": state.value, "ended_at": BEGIN + number + 0.9, "tell_number": number, **values}
        with self.database.write() as connection:
            trials.change(connection, sweep_id, number=number, **ended)
            events.add(connection, [_event(sweep_id, kind="trial.state", number=number, state=state.value)])

    def best(self, number: int, *, sweep_id: str = "s1") -> None:
        """A trial becomes the best."""
        with self.database.write() as connection:
            trial = trials.get(connection, sweep_id, number=number)
            assert trial is not None
            sweeps.change(connection, sweep_id, best_number=number, best_value=trial.value)
            events.add(connection, [_event(sweep_id, kind="best", number=number)])

    def whole(self, number: int, *, last: int = 3, sweep_id: str = "s1", **end: Any) -> None:
        """A trial from its begin to its end."""
        self.trial(number, sweep_id=sweep_id)
        self.epochs(number, last=last, sweep_id=sweep_id)
        self.end(number, sweep_id=sweep_id, **end)

    def sweep_state(self, state: SweepState, *, sweep_id: str = "s1", ended_at: float | None = None) -> None:
        """A sweep changes its state."""
        with self.database.write() as connection:
            sweeps.change(connection, sweep_id, state=state.value, ended_at=ended_at)
            events.add(connection, [_event(sweep_id, kind="sweep.state", state=state.value)])

    def attempt(self, number: int, *, how: str, sweep_id: str = "s1") -> None:
        """An attempt at a trial has ended."""
        values = {"sweep_id": sweep_id, "number": number, "worker_id": "w1", "answer_number": 1, "state": "ENDED"}
        with self.database.write() as connection:
            connection.execute(insert(attempt).values(**values, how=how, created_at=BEGIN, ended_at=BEGIN + 1))

    def engine(self, *, of: Trial, reason: str) -> None:
        """The group of this trial is serial, for this reason."""
        with self.database.write() as connection:
            found = sweeps.get(connection, of.sweep_id)
            assert found is not None
            group_id, traits = Groups(found.spec).id_of(of), GroupTraits(batch_size=32, optimizer="sgd")
            values = {"sweep_id": of.sweep_id, "group_id": group_id, "engine": "serial", "width": 1, "reason": reason}
            connection.execute(
                insert(engines).values(**values, traits=traits.model_dump(mode="json"), decided_at=BEGIN)
            )

    def range_test(self, curve: RangeCurve, *, sweep_id: str = "s1") -> None:
        """The range test of a sweep is done."""
        with self.database.write() as connection:
            sweeps.change(connection, sweep_id, range_test=curve.model_dump(mode="json"))
            events.add(connection, [_event(sweep_id, kind="sweep.state", state="RUNNING")])

    def export(self, number: int, *, file: CheckpointRef, sweep_id: str = "s1") -> None:
        """The winner of a sweep was exported."""
        export = ModelExport(state="READY", trial=number, file=file)
        with self.database.write() as connection:
            sweeps.change(connection, sweep_id, export=export.model_dump(mode="json"))
            events.add(connection, [_event(sweep_id, kind="sweep.export", state="READY")])

    def delete(self, sweep_id: str = "s1", *, with_runs: bool) -> None:
        """A sweep is deleted."""
        with self.database.write() as connection:
            sweeps.remove(connection, sweep_id)
            state = events.WITH_RUNS if with_runs else None
            events.add(connection, [_event(sweep_id, kind=events.DELETED, state=state)])


def _event(
    sweep_id: str, *, kind: str, number: int | None = None, epoch: int | None = None, state: str | None = None
) -> Event:
    return Event(0, sweep_id, kind, number, epoch, state, BEGIN)
