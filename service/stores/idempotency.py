"""Idempotency keys in the database: kept for 24 h."""

from sqlalchemy import Connection, delete, insert, select

from service.tables import idempotency

KEEP_SECONDS = 24 * 3600.0


def find(connection: Connection, key: str, *, now: float) -> tuple[str, str] | None:
    """The hash of the body that came with this key, and the sweep that it made."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at < now - KEEP_SECONDS))
    query = select(idempotency.c.body_hash, idempotency.c.sweep_id).where(idempotency.c.key == key)
    row = connection.execute(query).first()
    return (row[0], row[1]) if row else None


def add(connection: Connection, key: str, *, body_hash: str, sweep_id: str, now: float) -> None:
    """Remembers what a key made."""
    values = {"key": key, "body_hash": body_hash, "sweep_id": sweep_id, "created_at": now}
    connection.execute(insert(idempotency).values(**values))
