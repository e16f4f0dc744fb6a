"""One request of a worker, from what it says to what it is answered. Works on the desk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Connection

from service.coordination import blame
from service.coordination.announcing import announce
from service.coordination.desk import Desk
from service.coordination.endings import lose_attempt
from service.coordination.exporting import begin_exports
from service.coordination.handing import hand_out
from service.coordination.judging import begin, stop_overdue, stops, take_back, take_deaths, take_endings, take_reports
from service.coordination.keeping import keep_weights
from service.coordination.probing import want_probes
from service.coordination.sessions import authenticated
from service.coordination.settling import settle_all
from service.coordination.task_results import take_results
from service.errors import Conflict, ServiceError, SessionEnded, Unauthorized
from service.executors.contract import EXTERNAL
from service.protocol import LEASE_SECONDS, ChildDeath, Exchange, ExchangeAnswer, InHand, Refusal
from service.records import Worker
from service.stores import attempts as attempt_rows
from service.stores import workers as worker_rows
from sweeps.states import TrialState
from trainer.report import Answer, Ending, EpochReport, Verdict
from trainer.task import Task

ENOUGH_SECONDS = 1.0
"""So long a transaction takes in further requests: users wait meanwhile, and a database ends one that stands still."""


@dataclass(frozen=True)
class Call:
    """A request of a worker, and who says to make it."""

    worker_id: str
    token: str
    request: Exchange


def answered_in_time(
    desk: Desk,
    connection: Connection,
    *,
    calls: Sequence[Call],
    work_version: int,
    clock: Callable[[], float] = monotonic,
) -> list[ExchangeAnswer | ServiceError]:
    """The answers to the first of these: one at least, and as many as ENOUGH_SECONDS allow."""
    answers: list[ExchangeAnswer | ServiceError] = []
    until = clock() + ENOUGH_SECONDS
    while len(answers) < len(calls) and (not answers or clock() < until):
        answers.append(answered(desk, connection, call=calls[len(answers)], work_version=work_version))
    return answers


def answered(desk: Desk, connection: Connection, *, call: Call, work_version: int) -> ExchangeAnswer | ServiceError:
    """One of the requests of a transaction: its answer (the stored one for a number that came before) or refusal.

    `work_version` is the one of before the transaction. What is refused has changed nothing; what `exchange` raises
    ends the transaction.
    """
    try:
        worker = authenticated(desk, call.worker_id, token=call.token)
    except (SessionEnded, Unauthorized) as refusal:
        return refusal
    request = call.request
    if request.number == worker.request_number:
        return ExchangeAnswer.model_validate(worker.answer)
    if request.number < worker.request_number:
        return Conflict(f"Request {request.number} is older than the last one, {worker.request_number}.")
    return exchange(desk, connection, request=request, worker=worker, work_version=work_version)


def with_own_ring(
    answers: list[ExchangeAnswer | ServiceError], *, before: int, after: int
) -> list[ExchangeAnswer | ServiceError]:
    """The answers, `after` as the work version of one that was alone: its hand-out knew what its transaction brought.

    The others keep theirs, and so does one that was told before: it knew nothing of what came since.
    """
    one = answers[0]
    if len(answers) == 1 and isinstance(one, ExchangeAnswer) and one.work_version == before:
        return [one.model_copy(update={"work_version": after})]
    return answers


def exchange(
    desk: Desk, connection: Connection, *, request: Exchange, worker: Worker, work_version: int
) -> ExchangeAnswer:
    """Takes in all that the worker says, then hands out; the answer is stored with the request's number."""
    _take_notes(desk, connection, request=request, worker_id=worker.id)
    mine = {one.id for one in desk.of_worker(worker.id)}
    refused = _refused(request, mine=mine)
    request = _of_its_own(request, mine=mine)
    answers = _listen(desk, request, worker=desk.workers[worker.id])
    room = _with_room(request, answers)
    was_busy = bool(desk.of_worker(worker.id))
    assignments = [] if request.leaving else hand_out(desk, room, worker=desk.workers[worker.id])
    settle_all(desk)
    begin_exports(desk, connection)
    want_probes(desk)
    tasks = () if request.leaving else _hand_task(desk, desk.workers[worker.id], was_busy=was_busy)
    answer = ExchangeAnswer(
        number=request.number,
        assignments=tuple(assignments),
        answers=tuple(answers),
        refused=refused,
        tasks=tasks,
        leave=_shall_leave(desk.workers[worker.id]),
        work_version=work_version,
    )
    desk.change_worker(
        worker.id,
        request_number=request.number,
        answer=answer.model_dump(mode="json"),
        state=worker_rows.GONE if request.leaving else desk.workers[worker.id].state,
        ended_at=desk.now if request.leaving else None,
    )
    return answer


def _listen(desk: Desk, request: Exchange, *, worker: Worker) -> list[Answer]:
    """Takes in what the worker says of its own attempts; the answers to it."""
    renew(desk, worker)
    begin(desk, request)
    answers = take_reports(desk, request.reports)
    take_endings(desk, request.endings)
    take_deaths(desk, request.deaths)
    take_back(desk, worker.id, request=request)
    stop_overdue(desk)
    answers += stops(desk, request)
    settle_all(desk)
    return answers


def _take_notes(desk: Desk, connection: Connection, *, request: Exchange, worker_id: str) -> None:
    """What is not about attempts in hand: plugins, results of tasks, weights of the best."""
    if request.problems is not None:
        announce(desk, worker_id, problems=request.problems, connection=connection)
    take_results(desk, connection, results=request.task_results, worker_id=worker_id)
    keep_weights(desk, connection, notes=request.weights, worker_id=worker_id)


def _hand_task(desk: Desk, worker: Worker, *, was_busy: bool) -> tuple[Task, ...]:
    """A task, if one waits. `was_busy`: the worker had something to train besides what it is handed now."""
    if not desk.board.waits:
        return ()
    working = desk.attendance().working
    busy = {one.id for one in working if one.id != worker.id and desk.of_worker(one.id)}
    return desk.board.hand(worker, workers=working, busy=busy | ({worker.id} if was_busy else set()), now=desk.now)


def _shall_leave(worker: Worker) -> bool:
    """A benched worker that can be replaced makes room for another one."""
    return worker.state == worker_rows.BENCHED and worker.executor != EXTERNAL


def _with_room(request: Exchange, answers: list[Answer]) -> Exchange:
    """The slots that become free by these answers are filled at once, not with the next request."""
    last = {report.attempt for report in request.reports if report.last}  # the worker knows of their slots already
    num_left = sum(answer.verdict is Verdict.STOP and answer.attempt not in last for answer in answers)
    return request.model_copy(
        update={"num_free": request.num_free + num_left, "num_wanted": request.num_wanted + num_left}
    )


def renew(desk: Desk, worker: Worker) -> None:
    """The worker's lease runs anew; trials that had begun to wait because of its silence are its own again."""
    desk.change_worker(worker.id, lease_until=desk.now + LEASE_SECONDS)
    for attempt in desk.of_worker(worker.id):
        trial = desk.open_trial(attempt.key)
        held = attempt.state == attempt_rows.HELD and attempt.started
        if trial is not None and held and trial.state is TrialState.WAITING:
            desk.change_trial(trial.key, state=TrialState.RUNNING, worker=worker.id)


def expire(desk: Desk) -> None:
    """Trials of workers whose lease ended may be taken over; a worker that holds nothing any more is gone."""
    for worker in list(desk.workers.values()):
        if worker.lease_until > desk.now:
            continue
        for attempt in desk.of_worker(worker.id):
            key = attempt.key
            if attempt.state != attempt_rows.HELD:
                lose_attempt(desk, attempt, verdict=blame.of_worker("the worker's lease ended"))
            elif desk.trials[key].state is TrialState.RUNNING:
                desk.change_trial(key, state=TrialState.WAITING)
            else:
                desk.has_work = True
        if not desk.of_worker(worker.id):
            desk.change_worker(worker.id, state=worker_rows.GONE, ended_at=desk.now)


def extend_leases(desk: Desk) -> None:
    """Every worker that is here gets a whole period to be heard of."""
    for worker in list(desk.workers.values()):
        desk.change_worker(worker.id, lease_until=max(worker.lease_until, desk.now + LEASE_SECONDS))


def worker_gone(desk: Desk, worker_id: str, *, how: str) -> None:
    """The executor saw that this worker is gone: its leases end at once."""
    if worker_id in desk.workers:
        for attempt in desk.of_worker(worker_id):
            lose_attempt(desk, attempt, verdict=blame.of_worker(how))
        desk.change_worker(worker_id, state=worker_rows.GONE, ended_at=desk.now)


def _refused(request: Exchange, *, mine: set[int]) -> tuple[Refusal, ...]:
    """Attempts that the worker speaks of and that are not its own any more."""
    named: list[InHand | EpochReport | Ending] = [*request.in_hand, *request.reports, *request.endings]
    foreign = dict.fromkeys(one.attempt for one in named if one.attempt not in mine)
    detail = "This attempt has ended or was taken over; stop it, what it says is not stored."
    return tuple(Refusal(attempt=one, detail=detail) for one in foreign)


def _of_its_own(request: Exchange, *, mine: set[int]) -> Exchange:
    """The request without what it says of others' attempts: a worker's word goes for its own alone."""
    return request.model_copy(
        update={
            "in_hand": tuple(one for one in request.in_hand if one.attempt in mine),
            "reports": tuple(one for one in request.reports if one.attempt in mine),
            "endings": tuple(one for one in request.endings if one.attempt in mine),
            "checkpoints": tuple(one for one in request.checkpoints if one.attempt in mine),
            "deaths": tuple(_death_of(death, mine) for death in request.deaths),
        }
    )


def _death_of(death: ChildDeath, mine: set[int]) -> ChildDeath:
    return death.model_copy(update={"attempts": tuple(one for one in death.attempts if one in mine)})
