"""What a worker said, taken in: reports, endings, deaths. All functions work on the desk."""

from collections import defaultdict

from service.coordination import blame
from service.coordination.asking import seconds_left
from service.coordination.desk import Desk
from service.coordination.endings import (
    better,
    count_seconds,
    end_attempt,
    end_trial,
    give_back,
    lose_attempt,
    note_death_on,
    note_success_on,
)
from service.protocol import ChildDeath, Exchange
from service.records import Attempt, Epoch, Sweep, TrialKey
from service.stores import attempts as attempt_rows
from sweeps.states import TrialState
from trainer.report import Answer, Ending, EpochReport, Verdict


def begin(desk: Desk, request: Exchange) -> None:
    """Attempts that made a first step are RUNNING; training time and checkpoints are noted."""
    for held in request.in_hand:
        attempt = desk.attempts.get(held.attempt)
        if attempt is not None and held.started:
            _start(desk, attempt, seconds=held.seconds)
            count_seconds(desk, attempt, seconds=held.seconds)
    for note in request.checkpoints:
        attempt = desk.attempts.get(note.attempt)
        if attempt is not None and desk.open_trial(attempt.key) is not None:
            desk.change_trial(attempt.key, checkpoint=note.checkpoint)
        elif attempt is not None:  # it ended meanwhile: nobody will go on from this
            desk.garbage.append(note.checkpoint.sha256)


def take_reports(desk: Desk, reports: tuple[EpochReport, ...]) -> list[Answer]:
    """Records and judges, epoch by epoch, and of one epoch in the order of sweeps and trial numbers.

    So what a trial is measured against does not depend on its place in the request.
    """
    answers: list[Answer] = []
    by_attempt: defaultdict[int, list[EpochReport]] = defaultdict(list)
    for report in reports:
        by_attempt[report.attempt].append(report)
    for attempt_id, its_reports in by_attempt.items():
        _hear(desk, attempt_id, reports=its_reports)
    heard = [(desk.attempts[report.attempt], report) for report in reports if report.attempt in desk.attempts]
    for attempt, report in sorted(heard, key=lambda pair: (pair[1].epoch, pair[0].key)):
        # A row may have gone on past an epoch that ended it: what it did since does not count.
        if desk.attempts[attempt.id].state == attempt_rows.HELD:
            answers += _judge(desk, attempt, report)
    return answers


def take_endings(desk: Desk, endings: tuple[Ending, ...]) -> None:
    """Attempts that diverged, raised or were paused as asked."""
    for ending in endings:
        attempt = desk.attempts.get(ending.attempt)
        if attempt is not None and attempt.state != attempt_rows.ENDED:
            _end(desk, attempt, ending)


def take_deaths(desk: Desk, deaths: tuple[ChildDeath, ...]) -> None:
    """Children that ended with attempts in training."""
    for death in deaths:
        verdict = blame.of_child(death)
        for attempt in [desk.attempts[one] for one in death.attempts if one in desk.attempts]:
            if attempt.state == attempt_rows.ENDED:  # by a report in the same request
                continue
            if len(death.attempts) == 1:  # of several, nobody knows whose seconds they are
                count_seconds(desk, attempt, seconds=death.seconds)
            _start(desk, desk.attempts[attempt.id])
            if verdict.counts and attempt.state == attempt_rows.HELD:
                note_death_on(desk, attempt.worker_id, key=attempt.key)
            lose_attempt(desk, desk.attempts[attempt.id], verdict=verdict)


def take_back(desk: Desk, worker_id: str, *, request: Exchange) -> None:
    """Attempts handed out in answers that the worker has read, and that it does not have, go back free of charge."""
    named = {held.attempt for held in request.in_hand}
    for attempt in desk.of_worker(worker_id):
        if request.leaving or (attempt.id not in named and attempt.answer_number <= request.answered):
            end_attempt(desk, attempt, how=attempt_rows.HANDED_BACK)
            if attempt.state == attempt_rows.HELD and desk.open_trial(attempt.key) is not None:
                give_back(desk, attempt.key)


def stops(desk: Desk, request: Exchange) -> list[Answer]:
    """STOP for the attempts in hand whose trials ended by something else than their reports."""
    named = [held.attempt for held in request.in_hand]
    return [
        Answer(attempt=one, epoch=None, verdict=Verdict.STOP)
        for one in named
        if one in desk.attempts and desk.attempts[one].state == attempt_rows.STOPPING
    ]


def stop_overdue(desk: Desk) -> None:
    """Trials over `limits.trial_seconds` are FAILED, and their workers told to stop."""
    for sweep in list(desk.sweeps.values()):
        limit = sweep.spec.limits.trial_seconds
        if limit is None:
            continue
        for attempt in [one for one in desk.held(sweep.id) if one.state == attempt_rows.HELD]:
            if desk.trials[attempt.key].seconds + attempt.seconds > limit:
                desk.change_attempt(attempt.id, state=attempt_rows.STOPPING)
                reason = f"over limits.trial_seconds ({limit:g} s)"
                end_trial(desk, attempt.key, state=TrialState.FAILED, reason=reason)


def _hear(desk: Desk, attempt_id: int, *, reports: list[EpochReport]) -> None:
    attempt = desk.attempts.get(attempt_id)
    if attempt is not None and attempt.state == attempt_rows.HELD:
        _start(desk, attempt, seconds=max(report.seconds + report.age_seconds for report in reports))
        count_seconds(desk, attempt, seconds=max(report.seconds for report in reports))


def _judge(desk: Desk, attempt: Attempt, report: EpochReport) -> list[Answer]:
    key = attempt.key
    sweep = desk.sweeps[attempt.sweep_id]
    value = report.metrics.get(sweep.spec.goal_metric.name)
    if report.epoch > desk.trials[key].num_epochs:
        _store(desk, key, report=report)
        verdict = desk.searches[sweep.id].report(key[1], epoch=report.epoch, value=value)
    else:  # a later attempt's report of an epoch that an earlier one told: judged then, and not stopped by it
        verdict = Verdict.CONTINUE
    if report.last:
        return [_complete(desk, attempt, report)]
    if verdict is not Verdict.PAUSE and seconds_left(desk, sweep) <= 0:
        verdict = Verdict.STOP
        _stop(desk, attempt, state=TrialState.CANCELLED, reason="budget")
    elif verdict is Verdict.PAUSE:
        desk.change_attempt(attempt.id, state=attempt_rows.PAUSING)
        desk.change_trial(key, state=TrialState.PAUSED, worker=None)
    elif verdict is Verdict.STOP and value is None:
        _stop(desk, attempt, state=TrialState.DIVERGED, reason=f"the metric is not finite after epoch {report.epoch}")
    elif verdict is Verdict.STOP:
        _stop(desk, attempt, state=TrialState.PRUNED, reason=f"pruned after epoch {report.epoch}")
    return [] if verdict is Verdict.CONTINUE else [Answer(attempt=attempt.id, epoch=report.epoch, verdict=verdict)]


def _store(desk: Desk, key: TrialKey, *, report: EpochReport) -> None:
    # Ages of two requests differ by what the network did; MLflow sorts by time, so epochs must not overtake each other.
    trial, goal_metric = desk.trials[key], desk.sweeps[key[0]].spec.goal_metric
    at = max(desk.now - report.age_seconds, desk.last_epoch_at.get(key, 0.0), trial.started_at or 0.0)
    desk.add_epoch(Epoch(*key, report.epoch, report.metrics, at))
    value = report.metrics.get(goal_metric.name)
    if value is not None and better(value, than=trial.value, goal=goal_metric.goal):
        desk.change_trial(key, num_epochs=report.epoch, value=value, best_epoch=report.epoch)
    else:
        desk.change_trial(key, num_epochs=report.epoch)


def _complete(desk: Desk, attempt: Attempt, report: EpochReport) -> Answer:
    key = attempt.key
    end_attempt(desk, attempt, how="completed")
    value = desk.trials[key].value
    if value is None:
        end_trial(desk, key, state=TrialState.DIVERGED, reason="the metric was never finite")
        return Answer(attempt=attempt.id, epoch=report.epoch, verdict=Verdict.STOP)
    end_trial(desk, key, state=TrialState.COMPLETED)
    note_success_on(desk, attempt.worker_id, key=key)
    keep = _is_wanted(desk, desk.sweeps[attempt.sweep_id], value=value)
    return Answer(attempt=attempt.id, epoch=report.epoch, verdict=Verdict.STOP, keep=keep)


def _is_wanted(desk: Desk, sweep: Sweep, *, value: float) -> bool:
    """Whether the weights of a trial that completed are among the best `keep.weights` so far."""
    best = sorted([*desk.best_values[sweep.id], value], reverse=sweep.spec.goal_metric.goal == "maximize")
    desk.best_values[sweep.id] = best[: sweep.spec.keep.weights]
    return value in desk.best_values[sweep.id]


def _stop(desk: Desk, attempt: Attempt, *, state: TrialState, reason: str) -> None:
    end_attempt(desk, attempt, how=reason)
    end_trial(desk, attempt.key, state=state, reason=reason)
    if state is not TrialState.CANCELLED:
        note_success_on(desk, attempt.worker_id, key=attempt.key)


def _end(desk: Desk, attempt: Attempt, ending: Ending) -> None:
    key = attempt.key
    if attempt.state == attempt_rows.STOPPING or desk.open_trial(key) is None:
        end_attempt(desk, attempt, how=ending.reason, seconds=ending.seconds)
        return
    _start(desk, attempt, seconds=ending.seconds)
    count_seconds(desk, attempt, seconds=ending.seconds)
    attempt = desk.attempts[attempt.id]
    if ending.state == "FAILED":
        _fail(desk, attempt, ending)
        return
    if ending.state == "PAUSED":
        end_attempt(desk, attempt, how=attempt_rows.PAUSED)
        desk.change_trial(key, checkpoint=ending.checkpoint)
        desk.suspects.discard(key)
        return
    end_attempt(desk, attempt, how="diverged")
    end_trial(desk, key, state=TrialState.DIVERGED, reason=ending.reason)
    note_success_on(desk, attempt.worker_id, key=key)


def _fail(desk: Desk, attempt: Attempt, ending: Ending) -> None:
    if ending.fault:  # no worker is to blame, and on none would another attempt end otherwise
        end_attempt(desk, attempt, how=ending.traceback or ending.reason)
        end_trial(desk, attempt.key, state=TrialState.FAILED, reason=ending.reason)
        return
    note_death_on(desk, attempt.worker_id, key=attempt.key)
    lose_attempt(desk, attempt, verdict=blame.of_exception(ending.reason, traceback=ending.traceback))


def _start(desk: Desk, attempt: Attempt, *, seconds: float = 0.0) -> None:
    """The attempt made its first step `seconds` ago: its trial is RUNNING, on this worker."""
    key = attempt.key
    trial = desk.open_trial(key)
    if trial is not None and trial.state is TrialState.WAITING and attempt.state == attempt_rows.HELD:
        desk.change_trial(
            key,
            state=TrialState.RUNNING,
            attempts=max(trial.attempts, 1),
            worker=attempt.worker_id,
            started_at=trial.started_at or desk.now - seconds,
        )
    if not attempt.started:
        desk.change_attempt(attempt.id, started=True)
