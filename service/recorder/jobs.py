"""Reads from the tables what the runs that are due are to hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from service.coordination.known import facts_of
from service.coordination.reasons import why_serial
from service.recorder.artifacts import Artifact, failure_artifacts, sweep_artifacts
from service.recorder.backlog import Key, Waiting
from service.recorder.content import Origin, RunContent, baseline_number, sweep_content, trial_content
from service.recorder.data_content import DataContent, data_content
from service.recorder.note import Standing
from service.records import Sweep, Trial
from service.stores import attempts, epochs, sweeps, trials
from service.stores import engines as engine_rows
from service.stores.runs import PARENT
from sweeps.states import TrialState


@dataclass(frozen=True)
class Job:
    """A run and what it is to hold; its points go up to `last_epoch`.

    `first_event`: what it comes from. `data`: what a parent's sweep trains on, where that is known.
    """

    key: Key
    first_event: int
    sweep: Sweep
    content: RunContent
    artifacts: tuple[Artifact, ...] = ()
    data: DataContent | None = None
    last_epoch: int = 0


def read_jobs(
    connection: Connection, *, due: Mapping[Key, Waiting], epochs_sent: Mapping[Key, int], origin: Origin
) -> list[Job]:
    """The jobs of the runs that are due, parents before their trials.

    A trial's points begin after the epoch in `epochs_sent`. What is gone or was never begun has no job.
    """
    jobs: list[Job] = []
    for sweep_id in dict.fromkeys(key[0] for key in due):
        sweep = sweeps.get(connection, sweep_id)
        if sweep is None:
            continue
        if waiting := due.get((sweep_id, PARENT)):
            jobs.append(_parent_job(connection, sweep=sweep, waiting=waiting, origin=origin))
        keys = [key for key in due if key[0] == sweep_id and key[1] != PARENT]
        after = {number: epochs_sent.get((sweep_id, number), 0) for _, number in keys}
        new = epochs.above(connection, sweep_id, after=after)
        found = list(trials.several(connection, keys))
        why = why_serial(connection, sweep, trials=found)
        for trial in found:
            its = new.get(trial.number, [])
            content = trial_content(sweep, trial=trial, epochs=its, origin=origin, why_serial=why.get(trial.number))
            if content is not None:
                last = its[-1].epoch if its else after[trial.number]
                files = _failure(connection, trial)
                jobs.append(Job(trial.key, due[trial.key].first_event, sweep, content, files, last_epoch=last))
    return jobs


def _parent_job(connection: Connection, *, sweep: Sweep, waiting: Waiting, origin: Origin) -> Job:
    wanted = {baseline_number(sweep), sweep.best_number, *waiting.improvements}
    keys = [(sweep.id, number) for number in wanted if number is not None]
    found = {trial.number: trial for trial in trials.several(connection, keys)}
    counts = sweeps.trial_counts(connection, [sweep.id])[sweep.id]
    best, baseline = _named(found, sweep.best_number), _named(found, baseline_number(sweep))
    standing = Standing(counts, best=best, baseline=baseline, engines=engine_rows.of_sweep(connection, sweep.id))
    improved = [found[number] for number in waiting.improvements if number in found]
    content = sweep_content(sweep, standing=standing, improvements=improved, origin=origin)
    data = _data(connection, sweep)
    return Job((sweep.id, PARENT), waiting.first_event, sweep, content, artifacts=sweep_artifacts(sweep), data=data)


def _data(connection: Connection, sweep: Sweep) -> DataContent | None:
    try:
        return data_content(facts_of(connection, sweep.spec.problem))
    except ValueError:  # the data set is gone
        return None


def _named(found: Mapping[int, Trial], number: int | None) -> Trial | None:
    return None if number is None else found.get(number)


def _failure(connection: Connection, trial: Trial) -> tuple[Artifact, ...]:
    if trial.state != TrialState.FAILED:
        return ()
    return failure_artifacts(attempts.of_trials(connection, trial.sweep_id, numbers=[trial.number]))
