"""PostgreSQL goes away in every way it can: it is Unavailable meanwhile, and afterwards all is as before."""

import re
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, text

from service.database.database import Database
from service.errors import ServiceError, StorageFull, Unavailable
from service.stores import events, owner
from service.supervision.ports import free_port
from tests.contracts.test_database import event_named, num_events
from tests.postgres_server import PostgresServer

PASSWORD = "no-1-must.see/this"
WAIT_SECONDS = 30.0


@pytest.fixture
def database(mortal_url: str) -> Iterator[Database]:
    """The door to it."""
    database = Database(mortal_url)
    yield database
    database.close()


def write_one(database: Database, *, meanwhile: Callable[[Connection], object] = lambda _connection: None) -> None:
    """Appends an event; something else happens between that and the commit."""
    with database.write() as connection:
        events.add(connection, [event_named("s")])
        meanwhile(connection)


def fails(database: Database) -> str:
    """Neither reads nor writes go through; what is said about it."""
    with pytest.raises(Unavailable, match="again soon"):
        write_one(database)
    with pytest.raises(Unavailable, match="again soon") as raised:
        num_events(database)
    return raised.value.detail


def wait_until_back(database: Database) -> None:
    """Goes on as soon as the server lets it; until then it is Unavailable and nothing else."""
    deadline, back = threading.Event(), threading.Timer(WAIT_SECONDS, lambda: deadline.set())
    back.start()
    while not deadline.wait(0.02):
        try:
            write_one(database)
        except Unavailable:
            continue
        back.cancel()
        return
    raise AssertionError("the database never came back")


def backend_of(connection: Connection) -> int:
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_a_server_that_stopped_comes_back(server: PostgresServer, database: Database, how: signal.Signals) -> None:
    write_one(database)
    assert num_events(database) == 1
    server.stop(how)
    assert "refused" in fails(database) + fails(database)
    server.launch()
    wait_until_back(database)
    assert num_events(database) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_server_that_stops_in_the_middle(server: PostgresServer, database: Database, how: signal.Signals) -> None:
    """Whether the statement or the commit finds out: nothing is written, and the next one is Unavailable too."""
    with pytest.raises(Unavailable):
        write_one(database, meanwhile=lambda _connection: server.stop(how))
    with pytest.raises(Unavailable):
        num_events(database)
    server.launch()
    wait_until_back(database)
    assert num_events(database) == 1


def test_a_server_that_restarted_while_nobody_looked_is_not_noticed(server: PostgresServer, database: Database) -> None:
    write_one(database)
    with database.read(), database.read():  # two connections in the pool
        pass
    server.stop()
    server.start()
    write_one(database)
    with database.read() as one, database.read() as two:
        assert len(events.after(one, 0, limit=9)) == len(events.after(two, 0, limit=9)) == 2


def test_a_connection_that_the_administrator_ends(server: PostgresServer, database: Database) -> None:
    def end(connection: Connection) -> None:
        server.run(f"SELECT pg_terminate_backend({backend_of(connection)}, 5000)")

    with pytest.raises(Unavailable, match="administrator"):
        write_one(database, meanwhile=end)
    assert num_events(database) == 0
    write_one(database)


def test_a_frozen_server_is_given_up(server: PostgresServer, mortal_url: str) -> None:
    database = Database(mortal_url, answer_seconds=0.3)
    write_one(database)
    assert num_events(database) == 1
    server.freeze()
    try:
        assert "has said nothing for 0.3 s" in fails(database)
        fails(database)
    finally:
        server.thaw()
    wait_until_back(database)
    assert num_events(database) == 2
    database.close()


def test_too_many_connections(server: PostgresServer, mortal_url: str) -> None:
    server.run("CREATE ROLE limited LOGIN CONNECTION LIMIT 1", "GRANT pg_read_all_data TO limited")
    database = Database(mortal_url.replace("postgres@", "limited@"))
    with database.read(), pytest.raises(Unavailable, match="too many connections"), database.read():
        pass
    database.close()
    server.run("DROP ROLE limited")


def test_a_server_that_became_a_standby(database: Database) -> None:
    def demote(connection: Connection) -> None:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        events.add(connection, [event_named("s")])

    with pytest.raises(Unavailable, match="read-only"):
        write_one(database, meanwhile=demote)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("53100", StorageFull),
        ("53200", Unavailable),
        ("53300", Unavailable),
        ("55P03", Unavailable),
        ("57014", Unavailable),
        ("57P01", Unavailable),
        ("57P03", Unavailable),
        ("58030", Unavailable),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("08006", Unavailable),
    ],
)
def test_what_the_server_says_in_our_words(database: Database, state: str, expected: type[ServiceError]) -> None:
    saying = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = 'so it is'; END $$"
    with pytest.raises(expected), database.write() as connection:
        connection.execute(text(saying))
    write_one(database)


def test_limits_of_time(mortal_url: str) -> None:
    hasty = Database(f"{mortal_url}?options=-c%20statement_timeout%3D100ms%20-c%20lock_timeout%3D100ms")
    with pytest.raises(Unavailable, match="statement timeout"), hasty.read() as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    patient = Database(mortal_url)
    with patient.write(), pytest.raises(Unavailable, match="timeout"), hasty.write():
        pass
    write_one(hasty)
    hasty.close()
    patient.close()


def test_a_frozen_writer_does_not_lock_its_successor_out(mortal_url: str) -> None:
    frozen = Database(f"{mortal_url}?options=-c%20idle_in_transaction_session_timeout%3D200ms")
    successor = Database(mortal_url)

    def take_over(_connection: Connection) -> None:
        with successor.write() as connection:  # waits until the server has thrown the frozen one out
            owner.take(connection)

    with pytest.raises(Unavailable, match="idle-in-transaction"):
        write_one(frozen, meanwhile=take_over)
    with successor.read() as connection:
        assert (events.latest_id(connection), owner.epoch(connection)) == (0, 1)
    write_one(frozen)
    frozen.close()
    successor.close()


@pytest.mark.parametrize("place", ["127.0.0.1:{port}/ravine", "nowhere.invalid:{port}/ravine"])
def test_a_password_is_never_said(place: str) -> None:
    quoted = PASSWORD.replace("/", "%2F")
    database = Database(f"postgresql://me:{quoted}@{place.format(port=free_port())}")
    with pytest.raises(Unavailable) as raised, database.read():
        pass
    said = f"{raised.value.detail} {raised.value.__cause__} {database.url}"
    assert not re.search(f"{re.escape(PASSWORD)}|{re.escape(quoted)}", said)
    database.close()


def test_a_database_that_is_not_there(server: PostgresServer) -> None:
    database = Database(server.url("nobody_made_this"))
    with pytest.raises(Unavailable, match="does not exist"), database.read():
        pass
    database.close()
