"""Plugins that workers have announced, in the database."""

from sqlalchemy import Connection, RowMapping, insert, select, update

from service.records import Plugin
from service.tables import plugin
from trainer.facts import ProblemFacts


def put(connection: Connection, seen: Plugin) -> None:
    """Stores a plugin, or that it was seen again."""
    again = update(plugin).where(plugin.c.digest == seen.digest, plugin.c.name == seen.name)
    facts = seen.facts.model_dump(mode="json")
    if not connection.execute(again.values(facts=facts, seen_at=seen.seen_at)).rowcount:
        values = {"digest": seen.digest, "name": seen.name, "facts": facts, "seen_at": seen.seen_at}
        connection.execute(insert(plugin).values(**values))


def latest(connection: Connection, name: str, *, digest: str | None = None) -> Plugin | None:
    """The plugin of this name that was seen last; with a digest the one of this content."""
    query = select(plugin).where(plugin.c.name == name).order_by(plugin.c.seen_at.desc(), plugin.c.digest)
    if digest is not None:
        query = query.where(plugin.c.digest == digest)
    row = connection.execute(query.limit(1)).mappings().first()
    return _record(row) if row else None


def latest_of_each(connection: Connection) -> list[Plugin]:
    """For each name the plugin that was seen last, in the order of names."""
    query = select(plugin).order_by(plugin.c.seen_at, plugin.c.digest.desc())
    by_name = {row["name"]: _record(row) for row in connection.execute(query).mappings()}
    return [by_name[name] for name in sorted(by_name)]


def _record(row: RowMapping) -> Plugin:
    return Plugin(**{**row, "facts": ProblemFacts.model_validate(row["facts"])})
