"""Uploaded data sets under their names: what a name may stand for, and when one may be forgotten."""

from sqlalchemy import Connection

from service.datasets.importing import Prepared
from service.errors import Conflict, NotFound
from service.records import Dataset
from service.stores import datasets as dataset_rows
from service.stores import sweeps as sweep_rows
from sweeps.wrong import FieldError
from trainer import catalog

NUM_NAMED = 10


def add(connection: Connection, name: str, *, prepared: Prepared, now: float) -> tuple[Dataset, bool]:
    """A data set under a new name; False with what the name stands for already, when that is the same content.

    Raises Conflict when it is other content.
    """
    if name in catalog.DATASETS:
        raise _taken(name, "is a data set that ships with Ravine")
    known = dataset_rows.get(connection, name)
    if known is not None and known.file.sha256 != prepared.file.sha256:
        raise _taken(name, "is a data set of other content, or imported with other options")
    if known is not None:
        return known, False
    facts = prepared.facts.model_copy(update={"name": name, "digest": prepared.file.sha256})
    position = dataset_rows.next_position(connection)
    new = Dataset(name, position, prepared.file, facts, prepared.report, created_at=now)
    dataset_rows.add(connection, new)
    return new, True


def find(connection: Connection, name: str) -> Dataset:
    """The data set of this name. Raises NotFound."""
    found = dataset_rows.get(connection, name)
    if found is None:
        raise NotFound(f"There is no uploaded data set {name!r}; GET /v1/datasets lists them.")
    return found


def remove(connection: Connection, name: str) -> str:
    """Forgets a data set and answers the hash of its file. Raises NotFound, or Conflict while a sweep uses it."""
    found = find(connection, name)
    users = sweep_rows.of_dataset(connection, name)
    if users:
        more = f" and {len(users) - NUM_NAMED} more" if len(users) > NUM_NAMED else ""
        listed = ", ".join(users[:NUM_NAMED])
        raise Conflict(f"The data set {name} is used by the sweeps {listed}{more}: delete these first.")
    dataset_rows.remove(connection, name)
    return found.file.sha256


def _taken(name: str, what: str) -> Conflict:
    fault = FieldError("name", f"{name!r} {what}", "give another name")
    return Conflict(str(fault), errors=(fault,))
