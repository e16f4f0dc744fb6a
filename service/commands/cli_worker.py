"""`ravine workers` and `ravine logs`: who works, and what they wrote."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Column, Table

from service.commands.terminal import Terminal
from service.worker_schemas import WorkerAnswer, WorkerState


def workers(
    context: typer.Context,
    *,
    state: Annotated[
        WorkerState | None, typer.Option(help="Only those in this state; else those that are here.")
    ] = None,
) -> None:
    """List the workers."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        terminal.show(workers_table(client.workers(state=state), now=datetime.now(UTC)))


def logs(
    context: typer.Context,
    *,
    worker_id: Annotated[str, typer.Argument(metavar="WORKER", help="The worker's id.")],
    lines: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the last lines.")] = 200,
) -> None:
    """Print what a worker wrote last."""
    with Terminal.of(context).client() as client:
        typer.echo(client.worker_log(worker_id, num_lines=lines), nl=False)


def workers_table(workers: Iterable[WorkerAnswer], *, now: datetime) -> Table:
    """Workers, one row each; `heard` is how long ago."""
    names = ("state", "executor", "host", "device", "slots", "heard", "trials")
    table = Table(Column("id", no_wrap=True), *names, box=None, header_style="bold")  # `logs` wants all of an id
    for one in workers:
        heard = f"{max(0.0, (now - one.last_heard_at).total_seconds()):.0f} s ago"
        trials = ", ".join(f"{held.sweep}/{held.number}" for held in one.trials) or "-"
        table.add_row(one.id, one.state, one.executor, one.host, one.device, str(one.slots), heard, trials)
    return table
