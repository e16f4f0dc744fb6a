"""Reads from the tables what the runs that are due are to hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from service.recorder.backlog import Key, Waiting
from service.recorder.content import Origin, RunContent, baseline_number, sweep_content, trial_content
from service.recorder.note import Standing
from service.records import Sweep, Trial
from service.stores import epochs, sweeps, trials
from service.stores.runs import PARENT


@dataclass(frozen=True)
class Job:
    """A run and what it is to hold; its points go up to `last_epoch`."""

    key: Key
    sweep: Sweep
    content: RunContent
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
            jobs.append(_parent_job(connection, sweep=sweep, improvements=waiting.improvements, origin=origin))
        keys = [key for key in due if key[0] == sweep_id and key[1] != PARENT]
        for trial in trials.several(connection, keys):
            after = epochs_sent.get((sweep_id, trial.number), 0)
            jobs += _trial_job(connection, sweep=sweep, trial=trial, after=after, origin=origin)
    return jobs


def _parent_job(connection: Connection, *, sweep: Sweep, improvements: Sequence[int], origin: Origin) -> Job:
    wanted = {baseline_number(sweep), sweep.best_number, *improvements}
    keys = [(sweep.id, number) for number in wanted if number is not None]
    found = {trial.number: trial for trial in trials.several(connection, keys)}
    counts = sweeps.trial_counts(connection, [sweep.id])[sweep.id]
    standing = Standing(counts, best=_named(found, sweep.best_number), baseline=_named(found, baseline_number(sweep)))
    improved = [found[number] for number in improvements if number in found]
    return Job((sweep.id, PARENT), sweep, sweep_content(sweep, standing=standing, improvements=improved, origin=origin))


def _named(found: Mapping[int, Trial], number: int | None) -> Trial | None:
    return None if number is None else found.get(number)


def _trial_job(connection: Connection, *, sweep: Sweep, trial: Trial, after: int, origin: Origin) -> list[Job]:
    new = epochs.page(connection, sweep.id, number=trial.number, after=after)
    content = trial_content(sweep, trial=trial, epochs=new, origin=origin)
    if content is None:
        return []
    return [Job((sweep.id, trial.number), sweep, content, last_epoch=new[-1].epoch if new else after)]
