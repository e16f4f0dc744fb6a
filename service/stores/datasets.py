"""Uploaded data sets in the database."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, delete, func, select

from service.records import Dataset
from service.stores import rows
from service.tables import dataset
from trainer.config import CheckpointRef
from trainer.facts import ProblemFacts


def add(connection: Connection, new: Dataset) -> None:
    """Stores a new data set."""
    rows.insert_all(connection, dataset, records=[new])


def get(connection: Connection, name: str) -> Dataset | None:
    """The data set of this name."""
    row = connection.execute(select(dataset).where(dataset.c.name == name)).mappings().first()
    return _record(row) if row else None


def all_facts(connection: Connection) -> list[ProblemFacts]:
    """The facts about every data set, the oldest first."""
    found = connection.execute(select(dataset.c.facts).order_by(dataset.c.position)).scalars()
    return [ProblemFacts.model_validate(facts) for facts in found]


def names(connection: Connection, *, limit: int) -> list[str]:
    """The names of the newest ones."""
    return list(connection.execute(select(dataset.c.name).order_by(dataset.c.position.desc()).limit(limit)).scalars())


def page(connection: Connection, *, before: int | None, limit: int) -> list[Dataset]:
    """Data sets from the newest down: those of a position under `before`."""
    query = select(dataset).order_by(dataset.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(dataset.c.position < before)
    return [_record(row) for row in connection.execute(query).mappings()]


def next_position(connection: Connection) -> int:
    """The position of the next one."""
    return int(connection.execute(select(func.coalesce(func.max(dataset.c.position), 0) + 1)).scalar_one())


def remove(connection: Connection, name: str) -> None:
    """Forgets the data set of this name; its file stays where it is."""
    connection.execute(delete(dataset).where(dataset.c.name == name))


def named_files(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Which of these files some data set names."""
    wanted = set(hashes)
    if not wanted:
        return set()
    sha256 = dataset.c.file["sha256"].as_string()
    return set(connection.execute(select(sha256).where(sha256.in_(wanted))).scalars())


def _record(row: RowMapping) -> Dataset:
    values = dict(row)
    values["file"] = CheckpointRef.model_validate(row["file"])
    values["facts"] = ProblemFacts.model_validate(row["facts"])
    return Dataset(**values)
