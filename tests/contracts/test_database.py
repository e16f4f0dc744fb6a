"""What a Database promises, whichever it is."""

import random
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import delete, insert, select, update

from service.database.database import Database
from service.errors import StorageFull, Unavailable
from service.records import Event
from service.stores import events, owner
from service.tables import event, sweep, trial
from tests.databases import Databases

NUM_WRITERS, NUM_EACH = 4, 60
JOIN_SECONDS = 60.0


@pytest.fixture
def url(either_database: Databases) -> Iterator[str]:
    """A database with our schema."""
    url = either_database.new()
    yield url
    either_database.drop(url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The door to it."""
    database = Database(url)
    yield database
    database.close()


def event_named(name: str, number: int = 0) -> Event:
    return Event(0, name, "epoch", number, 1, None, 0.0)


def num_events(database: Database) -> int:
    with database.read() as connection:
        return len(events.after(connection, 0, limit=1000))


def test_a_read_sees_one_snapshot(database: Database) -> None:
    with database.read() as connection:
        before = events.after(connection, 0, limit=10)
        with database.write() as writing:
            events.add(writing, [event_named("s")])
        assert events.after(connection, 0, limit=10) == before == []
    assert num_events(database) == 1


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            events.add(connection, [event_named("s")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert num_events(database) == 0


def test_a_reader_that_goes_by_id_misses_nothing_of_four_writers(url: str) -> None:
    """Each writer has a door of its own, as processes have, and dawdles between taking an id and committing it.

    And after it: nobody queues for SQLite's lock. Who waits looks for it ten times a second, and three writers that
    begin again at once would leave him nothing to find.
    """

    def write(name: str) -> None:
        database, chance = Database(url), random.Random(name)
        for number in range(NUM_EACH):
            with database.write() as connection:
                events.add(connection, [event_named(name, number)])
                time.sleep(chance.choice((0.0, 0.002)))
            time.sleep(chance.uniform(0.0, 0.02))
        database.close()

    threads = [threading.Thread(target=write, args=(f"s{index}",)) for index in range(NUM_WRITERS)]
    for thread in threads:
        thread.start()
    reader, seen = Database(url), list[Event]()
    while len(seen) < NUM_WRITERS * NUM_EACH:
        alive = any(thread.is_alive() for thread in threads)
        with reader.read() as connection:
            more = events.after(connection, seen[-1].id if seen else 0, limit=50)
        seen += more
        assert more or alive, f"{NUM_WRITERS * NUM_EACH - len(seen)} events were missed"
    for thread in threads:
        thread.join(JOIN_SECONDS)
    reader.close()
    assert len({one.id for one in seen}) == NUM_WRITERS * NUM_EACH
    for index in range(NUM_WRITERS):
        assert [one.number for one in seen if one.sweep_id == f"s{index}"] == list(range(NUM_EACH))


def test_each_owner_has_a_higher_epoch(database: Database) -> None:
    with database.write() as connection:
        assert [owner.take(connection), owner.take(connection)] == [1, 2]
        assert owner.epoch(connection) == 2


def test_the_clock_is_the_time_now(database: Database) -> None:
    with database.write() as connection:
        owner.take(connection)
        number, seconds = owner.epoch_and_time(connection, clock=database.clock())
        assert number == 1
        assert abs(seconds - time.time()) < 5
        assert abs(database.now(connection) - time.time()) < 5
        later = database.now(connection)
    assert later >= seconds


ROW = {
    "sweep_id": "s", "number": 0, "state": "WAITING", "num_epochs": 0, "attempts": 0, "blamed_attempts": 0,
    "outside_deaths": 0, "attrs": {}, "seconds": 0.1 + 0.2, "seed": 2**63 - 1, "value": -1.7976931348623157e308,
    "reason": "ä 🙂 \x7f\t'\"%s%%",
    "settings": {"ä": [1e-300, 0.1, 2**53 + 1, None, True], "nul": "a\x00b", "half": "\ud800", "deep": {"x": {}}},
}  # fmt: skip


def test_what_is_written_is_read(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(trial), [ROW])
    with database.read() as connection:
        found = connection.execute(select(trial)).mappings().one()
    assert {name: found[name] for name in ROW} == ROW


def test_a_json_null_is_no_value(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(trial), [{**ROW, "checkpoint": {"sha256": "a"}}])
        connection.execute(update(trial).values(checkpoint=None))
    with database.read() as connection:
        assert connection.execute(select(trial.c.number).where(trial.c.checkpoint.is_(None))).scalars().all() == [0]


def test_a_number_that_is_none_is_no_json(database: Database) -> None:
    with pytest.raises(Exception, match="JSON compliant"), database.write() as connection:
        connection.execute(insert(trial), [{**ROW, "attrs": {"value": float("nan")}}])


def test_ids_go_on_after_what_was_deleted(database: Database) -> None:
    with database.write() as connection:
        events.add(connection, [event_named("s"), event_named("s")])
        connection.execute(delete(event))
    with database.write() as connection:
        events.add(connection, [event_named("s")])
    with database.read() as connection:
        assert [one.id for one in events.after(connection, 0, limit=10)] == [3]


def test_a_door_that_is_closed_opens_again(database: Database) -> None:
    assert num_events(database) == 0
    database.close()
    assert num_events(database) == 0


def test_nobody_else_can_write_meanwhile(database: Database, url: str) -> None:
    other, done = Database(url), list[str]()

    def write() -> None:
        with other.write() as connection:
            events.add(connection, [event_named("other")])
        done.append("other")

    thread = threading.Thread(target=write)
    with database.write() as connection:
        events.add(connection, [event_named("first")])
        thread.start()
        thread.join(0.2)
        assert done == []
    thread.join(JOIN_SECONDS)
    other.close()
    with database.read() as connection:
        assert [one.sweep_id for one in events.after(connection, 0, limit=10)] == ["first", "other"]


def test_what_is_our_own_mistake_is_not_taken_for_the_database_s(database: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)not.?null") as raised, database.write() as connection:
        connection.execute(insert(sweep), [{"id": "s"}])
    assert not isinstance(raised.value, Unavailable)


def test_what_is_committed_is_on_the_disk(sqlite: Databases) -> None:
    """(PostgreSQL does so unless its own settings say otherwise.)"""
    database = Database(sqlite.new())
    with database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()


def test_a_disk_that_is_full_takes_nothing_and_loses_nothing(sqlite: Databases) -> None:
    """The limit of pages stands for the disk (PostgreSQL's word for it is in test_database_away)."""
    url = sqlite.new()
    database = Database(url)
    with database.write() as connection:
        events.add(connection, [event_named("s")])
        num_pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {num_pages}")
    with pytest.raises(StorageFull, match="free some space"), database.write() as connection:
        connection.execute(insert(trial), [{**ROW, "reason": "x" * 1_000_000}])
    assert num_events(database) == 1
    database.close()  # a new connection knows of no limit
    with database.write() as connection:
        connection.execute(insert(trial), [{**ROW, "reason": "x" * 1_000_000}])
    database.close()
    sqlite.drop(url)
