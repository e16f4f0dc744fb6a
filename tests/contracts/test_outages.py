"""The whole service on a PostgreSQL that goes away in the middle: 503 meanwhile, and nothing is lost or doubled."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.coordination.coordinator import Coordinator
from service.errors import NotTheOwner, Unavailable
from service.settings import Settings
from service.sse import parse
from service.timekeeper import Timekeeper
from sweeps.records import Proposal
from sweeps.scheduler import Scheduler
from sweeps.states import SweepState, TrialState
from tests.postgres_server import PostgresServer
from tests.service.api_house import SMALL, ApiHouse, problem
from tests.service.coordinator_house import ClockedDatabase, CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.config import Assignment
from trainer.settings import Setting

NUM_TRIALS, NUM_EPOCHS, NUM_WORKERS = 30, 3, 2
SECONDS = 60.0
POLL_SECONDS = 0.02


@pytest.fixture
def house(tmp_path: Path, mortal_url: str) -> Iterator[CoordinatorHouse]:
    """A coordinator on a server that may be killed."""
    house = CoordinatorHouse(tmp_path, database_url=mortal_url)
    yield house
    house.database.close()


def patiently(worker: ScriptedWorker, *, want: int = 0, **told: Any) -> tuple[Assignment, ...]:
    """One exchange, repeated until it is answered, as a worker's link does."""
    try:
        answer = worker.say_and_miss_the_answer(want=want, **told)
    except Unavailable:
        answer = eventually(worker.repeat)
    worker.hear(answer)
    return answer.assignments


def eventually(act: Callable[[], Any]) -> Any:
    """What comes of it once the database is there."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return act()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(POLL_SECONDS)


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def train_all(worker: ScriptedWorker) -> None:
    """Trains until there is no more, one epoch a request."""
    while assignments := patiently(worker, want=1):
        for one in assignments:
            for epoch in range(1, one.epochs + 1):
                patiently(worker, reports=(worker.report(one.attempt, epoch),))


def is_away(answer: httpx.Response) -> bool:
    problem(answer, 503)
    return int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_outlives_its_database(
    house: CoordinatorHouse, server: PostgresServer, tmp_path: Path, how: signal.Signals
) -> None:
    api, failures = ApiHouse(house), list[Exception]()
    timekeeper = Timekeeper(house.coordinator, settings=Settings(home=tmp_path, executor="external"))
    timekeeper.start(on_failure=failures.append)
    sweep = house.create(trials=NUM_TRIALS, epochs=NUM_EPOCHS)
    workers = [ScriptedWorker(house.coordinator, f"w{index}") for index in range(NUM_WORKERS)]
    heard: list[httpx.Response] = []
    threads = [threading.Thread(target=train_all, args=(worker,)) for worker in workers]
    threads.append(threading.Thread(target=lambda: heard.append(api.ask("GET", f"/v1/sweeps/{sweep}/events"))))
    for thread in threads:
        thread.start()
    wait_until(lambda: house.sweep(sweep).trials_finished >= NUM_TRIALS // 3)
    server.stop(how)
    house.coordinator.news.ring()  # whoever follows the events looks now
    key = {"Idempotency-Key": "once"}
    assert is_away(api.ask("GET", f"/v1/sweeps/{sweep}"))
    assert is_away(api.ask("POST", "/v1/sweeps", json=SMALL, headers=key))
    assert is_away(api.ask("POST", f"/v1/sweeps/{sweep}:pause"))
    assert is_away(api.ask("GET", "/readyz"))
    assert api.ask("GET", "/healthz").is_success
    server.launch()
    wait_until(lambda: api.ask("GET", "/readyz").is_success)
    made = {api.ask("POST", "/v1/sweeps", json=SMALL, headers=key).json()["id"] for _ in range(2)}
    for thread in threads:
        thread.join(SECONDS)
    timekeeper.stop()
    assert (len(made), house.num_sweeps(), failures) == (1, 2, [])
    all_of_it_once(house, sweep)
    told = [each.id for each in parse(heard[0].text.splitlines())]
    assert told == [str(each.id) for each in house.events(sweep)], "one stream told all of it"


def all_of_it_once(house: CoordinatorHouse, sweep: str) -> None:
    assert house.sweep(sweep).state is SweepState.COMPLETED
    trials = house.trials(sweep)
    assert [one.number for one in trials] == list(range(NUM_TRIALS))
    assert {(one.state, one.attempts) for one in trials} == {(TrialState.COMPLETED, 1)}
    told = Counter((one.kind, one.number, one.epoch, one.state) for one in house.events(sweep) if one.kind != "best")
    assert max(told.values()) == 1
    for number in range(NUM_TRIALS):
        assert [one.epoch for one in house.epochs(sweep, number)] == [1, 2, 3]
        assert all(told["epoch", number, epoch, None] for epoch in (1, 2, 3))


class Dreamer(Scheduler):
    """A search during which the whole process may stand still."""

    asleep, awake = threading.Event(), threading.Event()

    def propose(self, fixed: Mapping[str, Setting] | None = None) -> Proposal | None:
        """The next one, after a sleep."""
        self.asleep.set()
        assert self.awake.wait(SECONDS)
        return super().propose(fixed)


def test_a_coordinator_that_froze_in_a_transaction_is_succeeded(tmp_path: Path, mortal_url: str) -> None:
    """The server throws it out, its successor begins, and when it wakes it is told to leave."""
    hasty = f"{mortal_url}?options=-c%20idle_in_transaction_session_timeout%3D200ms"
    old = CoordinatorHouse(tmp_path, database_url=hasty, make_scheduler=Dreamer)
    sweep = old.create(trials=1)
    frozen, failures = ScriptedWorker(old.coordinator, "w1"), list[Exception]()

    def work() -> None:
        try:
            frozen.take()
        except (Unavailable, NotTheOwner) as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert Dreamer.asleep.wait(SECONDS)
    database = ClockedDatabase(mortal_url)
    successor = Coordinator(database, files=old.files)
    successor.open()
    assert len(ScriptedWorker(successor, "w2").work()) == 1
    Dreamer.awake.set()
    thread.join(SECONDS)
    with pytest.raises(NotTheOwner):
        old.coordinator.tick()
    assert len(failures) == 1
    assert [one.attempts for one in old.trials(sweep)] == [1]
    old.database.close()
    database.close()
