"""What sweeps want of workers besides trials: asked again by a new coordinator, and taken in when it comes."""

from collections.abc import Sequence

from sqlalchemy import Connection

from service.coordination import ranging
from service.coordination.desk import Desk
from service.coordination.exporting import end_export, resume_exports
from service.coordination.probing import end_probe
from service.coordination.tasks import TaskBoard, Ticket
from trainer.task import Exported, Probe, RangeTest, TaskResult


def resume_tasks(connection: Connection, *, board: TaskBoard, now: float) -> None:
    """A new coordinator asks again for what its predecessor waited for."""
    resume_exports(connection, board=board, now=now)
    ranging.resume(connection, board=board, now=now)


def take_results(desk: Desk, connection: Connection, *, results: Sequence[TaskResult], worker_id: str) -> None:
    """Tells who asked, and stores what a sweep waited for.

    A file that nobody waits for (any more) is garbage; one that a row names stays all the same.
    """
    over = desk.board.end(results, worker_id=worker_id)
    desk.garbage += [result.value.file.sha256 for result in results if isinstance(result.value, Exported)]
    _store(desk, connection, over=over)


def take_tasks_back(desk: Desk, connection: Connection) -> None:
    """The tasks of workers that are gone wait for others, or are given up."""
    _store(desk, connection, over=desk.board.take_back(desk.attendance().working, now=desk.now))
    desk.has_work |= desk.board.waits


def _store(desk: Desk, connection: Connection, *, over: Sequence[tuple[Ticket, TaskResult]]) -> None:
    for ticket, result in over:
        if ticket.of is None:
            continue
        if isinstance(ticket.task.body, RangeTest):
            ranging.end(desk, ticket.of[0], result=result)
        elif isinstance(ticket.task.body, Probe):
            end_probe(desk, ticket, result=result)
        else:
            end_export(desk, connection, of=ticket.of, result=result)
