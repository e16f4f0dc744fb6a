"""The plugins that a worker's child found are stored, and who can train them noted. All functions work on the desk."""

from collections.abc import Sequence

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from service.coordination.attendance import Crew
from service.coordination.desk import Desk
from service.records import Plugin, Sweep
from service.stores import plugins as plugin_rows
from trainer.config import ProblemConfig
from trainer.facts import ProblemFacts

log = structlog.get_logger()


def announce(desk: Desk, worker_id: str, *, problems: Sequence[ProblemFacts], connection: Connection) -> None:
    """From now on the worker can train these plugins and no others; one that no sweep could name is left out."""
    plugins = [Plugin(facts.digest or "", facts.name, facts, desk.now) for facts in problems if _can_be_named(facts)]
    for plugin in plugins:
        plugin_rows.put(connection, plugin)
    digests = tuple(sorted({plugin.digest for plugin in plugins}))
    if digests != desk.workers[worker_id].problems:
        desk.change_worker(worker_id, problems=digests)
        desk.has_work = True


def able(desk: Desk, sweep: Sweep) -> Crew:
    """The workers that may be handed trials of this sweep, busy ones too."""
    return desk.attendance().crew(sweep.spec.problem)


def _can_be_named(facts: ProblemFacts) -> bool:
    try:
        ProblemConfig(plugin=facts.name, digest=facts.digest)
    except ValidationError as error:
        log.warning("plugin.left_out", name=facts.name[:100], reason=error.errors()[0]["msg"])
        return False
    return facts.digest is not None
