"""Why trials are trained as they are, from what is stored."""

from collections.abc import Iterable

from sqlalchemy import Connection

from service.coordination.groups import Groups
from service.records import Sweep, Trial
from service.stores import engines


def why_serial(connection: Connection, sweep: Sweep, *, trials: Iterable[Trial]) -> dict[int, str | None]:
    """By number, why those of these trials of a sweep that are serial are; see Groups."""
    serial = [one for one in trials if one.engine == "serial"]
    if not serial:
        return {}
    groups = Groups(sweep.spec, engines=engines.of_sweep(connection, sweep.id))
    return {one.number: groups.why_serial(one) for one in serial}
