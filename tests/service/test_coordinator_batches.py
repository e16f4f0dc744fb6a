"""Requests of several workers in one transaction: each is heard once, and none pays for another."""

import asyncio
from functools import partial
from itertools import count

import pytest

from service.coordination.coordinator import Coordinator
from service.coordination.desk import Desk
from service.coordination.exchanging import ENOUGH_SECONDS, Call, answered_in_time
from service.coordination.loading import load
from service.coordination.search import Search
from service.errors import Conflict, SessionEnded, Unauthorized
from service.protocol import Exchange, ExchangeAnswer, InHand
from service.routes.together import Together
from sweeps.scheduler import Scheduler
from sweeps.states import TrialState
from tests.service.coordinator_house import BEGIN, CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.report import EpochReport

NOTHING_TO_TELL = Exchange(number=1, answered=0)


def reporting(worker: ScriptedWorker, *reports: EpochReport) -> Call:
    in_hand = tuple(InHand(attempt=one, started=True, seconds=1.0) for one in worker.hand)
    number = worker.answered + 1
    request = Exchange(
        number=number, answered=worker.answered, in_hand=in_hand, reports=reports, num_wanted=1, num_free=1
    )
    return Call(worker.name, worker.token, request)


def told(coordinator: Coordinator, *calls: Call) -> list[ExchangeAnswer | BaseException]:
    """What each is answered, or what is raised, when all come at once."""

    async def ask_all() -> list[ExchangeAnswer | BaseException]:
        together: Together[Call, ExchangeAnswer] = Together(coordinator.exchange)
        return await asyncio.gather(*(together.ask(call) for call in calls), return_exceptions=True)

    return asyncio.run(ask_all())


@pytest.fixture
def other(coordinator_house: CoordinatorHouse) -> ScriptedWorker:
    return ScriptedWorker(coordinator_house.coordinator, "w2")


def test_one_that_cannot_be_stored_costs_the_others_nothing(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, other: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=4)
    mine, its = coordinator_worker.take_and_start(), other.take_and_start()
    well = reporting(coordinator_worker, *coordinator_worker.reports(mine.attempt))
    huge = other.report(its.attempt, 1).model_copy(update={"epoch": 2**70})
    answer, fault = told(coordinator_house.coordinator, well, reporting(other, huge))
    assert isinstance(answer, ExchangeAnswer)
    assert isinstance(fault, Exception)
    assert [one.trial for one in answer.assignments] == [2]
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED, TrialState.RUNNING, TrialState.WAITING]
    assert len(coordinator_house.epochs(sweep)) == 2
    assert len(other.finish(its.attempt).assignments) == 0
    assert coordinator_house.trial(sweep, 1).state is TrialState.COMPLETED


def test_the_same_request_twice_is_heard_once(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=4)
    attempt = coordinator_worker.take_and_start().attempt
    call = reporting(coordinator_worker, *coordinator_worker.reports(attempt))
    first, again = told(coordinator_house.coordinator, call, call)
    assert first == again
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED, TrialState.WAITING]


def test_who_is_refused_harms_no_other(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, other: ScriptedWorker
) -> None:
    other.say()
    strangers = Call("nobody", "token", NOTHING_TO_TELL), Call("w2", "wrong", NOTHING_TO_TELL)
    late = Call("w2", other.token, NOTHING_TO_TELL.model_copy(update={"number": 1}))
    other.say()
    answers = told(coordinator_house.coordinator, *strangers, late, reporting(coordinator_worker))
    assert [type(one) for one in answers] == [SessionEnded, Unauthorized, Conflict, ExchangeAnswer]


def test_who_was_not_alone_asks_again_after_what_the_others_brought(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, other: ScriptedWorker
) -> None:
    coordinator_house.create(budget={"parallel": 1})
    attempt = coordinator_worker.take_and_start().attempt
    ends = reporting(coordinator_worker, *coordinator_worker.reports(attempt))
    no_more = Call(ends.worker_id, ends.token, ends.request.model_copy(update={"num_wanted": 0, "num_free": 0}))
    idle, _ = told(coordinator_house.coordinator, reporting(other), no_more)
    assert isinstance(idle, ExchangeAnswer)
    assert not idle.assignments
    assert idle.work_version != coordinator_house.coordinator.work.count


def test_a_transaction_takes_in_no_more_than_there_is_time_for(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker, other: ScriptedWorker
) -> None:
    calls = [reporting(coordinator_worker), reporting(other)]
    desk = Desk(partial(Search, Scheduler), now=BEGIN)
    with coordinator_house.database.write() as connection:
        load(desk, connection, min_attempt=1)
        hasty = answered_in_time(
            desk, connection, calls=calls, work_version=1, clock=count(step=ENOUGH_SECONDS).__next__
        )
        patient = answered_in_time(desk, connection, calls=calls, work_version=1, clock=lambda: 0.0)
    assert (len(hasty), len(patient)) == (1, 2)
