"""Taking over a database: from the owner before, and from the time in which there was none."""

from sqlalchemy import Connection

from service.database.migrating import check_schema
from service.protocol import LEASE_SECONDS
from service.stores import events as event_rows
from service.stores import owner
from service.stores import sweeps as sweep_rows
from service.stores import workers as worker_rows


def take_over(connection: Connection, *, now: float) -> int:
    """Makes the caller the owner, and answers its epoch; who was it before is refused from now on.

    No lease ends because of the time in which nobody was there to renew it, and no sweep has spent a time in which
    nothing can have been trained. (Workers outlive a service by minutes: a short absence is spent.) Raises
    ConfigurationError when the schema is not the one of this code.
    """
    check_schema(connection)  # once more: it may have been migrated since the start looked
    last_sign = max(event_rows.latest_at(connection), worker_rows.latest_lease(connection) - LEASE_SECONDS)
    if now - last_sign > LEASE_SECONDS:
        sweep_rows.forgive_seconds(connection, now - last_sign)
    worker_rows.extend_leases(connection, until=now + LEASE_SECONDS)
    return owner.take(connection)
