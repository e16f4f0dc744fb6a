"""Requests that come again under the same Idempotency-Key."""

from sqlalchemy import Connection

from service.coordination.ordering import body_hash, invalid
from service.records import Sweep
from service.stores import idempotency
from service.stores import sweeps as sweep_rows
from sweeps.wrong import FieldError


def made_before(connection: Connection, key: str, *, raw: object, now: float) -> Sweep | None:
    """The sweep that this key made. Raises InvalidRequest when it came with another body."""
    found = idempotency.find(connection, key, now=now)
    if found is None:
        return None
    stored_hash, sweep_id = found
    if stored_hash != body_hash(raw):
        raise invalid(
            (FieldError("Idempotency-Key", "came with another body before", "use a new key for a new sweep"),)
        )
    return sweep_rows.get(connection, sweep_id)
