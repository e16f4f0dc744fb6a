"""`ravine sweep ...`: what one can do with sweeps."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from service.client import Client
from service.commands.display import (
    answer_lines,
    engine_lines,
    precision_lines,
    progress_line,
    serial_lines,
    sweeps_table,
    top_trials,
    trials_table,
)
from service.commands.spec_file import read_spec
from service.commands.terminal import Terminal
from service.commands.watch import follow
from service.errors import ConfigurationError
from service.schemas import SweepAnswer
from sweeps.states import SweepState

app = typer.Typer(no_args_is_help=True, help="Start sweeps, look at them, steer them.")

Id: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The sweep's id.")]
Watch: TypeAlias = Annotated[bool, typer.Option("--watch", help="Follow it; Ctrl-C leaves it running.")]


@app.command()
def start(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - reads standard input.")],
    watch: Watch = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Check it and start nothing.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeated with this key, it is started once.")] = None,
) -> None:
    """Start a sweep."""
    terminal = Terminal.of(context)
    spec = read_spec(_text(file), name="standard input" if file == "-" else file)
    with terminal.client() as client:
        if validate_only:
            for line in ("This sweep could be started.", *client.check_sweep(spec).warnings):
                terminal.say(line)
            return
        sweep = client.create_sweep(spec, idempotency_key=idempotency_key)
        if watch:
            _follow(terminal, client=client, sweep_id=sweep.id)
            return
        for line in (f"{sweep.id}  {progress_line(sweep)}", *(f"Warning: {warning}" for warning in sweep.warnings)):
            terminal.say(line)


@app.command("list")
def list_sweeps(
    context: typer.Context,
    *,
    state: Annotated[SweepState | None, typer.Option(help="Only those in this state.")] = None,
) -> None:
    """List all sweeps."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        terminal.show(sweeps_table(client.sweeps(state=state)))


@app.command()
def show(context: typer.Context, *, sweep_id: Id) -> None:
    """Show a sweep and its top trials."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        sweep = client.sweep(sweep_id)
        metric = sweep.spec.goal_metric
        top = top_trials(client.trials(sweep_id), maximize=metric.goal == "maximize")
        terminal.say(progress_line(sweep))
        terminal.show(trials_table(top, metric=metric.name))
        for line in (*precision_lines(sweep), *engine_lines(sweep), *serial_lines(top)):
            terminal.say(line)
        if sweep.mlflow.url:
            terminal.say(f"MLflow: {sweep.mlflow.url}")


@app.command()
def watch(context: typer.Context, *, sweep_id: Id) -> None:
    """Follow a sweep until it is over; Ctrl-C leaves it running."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        _follow(terminal, client=client, sweep_id=sweep_id)


@app.command()
def pause(context: typer.Context, *, sweep_id: Id) -> None:
    """No new trial starts; running ones finish."""
    _steer(context, act=lambda client: client.pause(sweep_id))


@app.command()
def resume(context: typer.Context, *, sweep_id: Id) -> None:
    """Let a paused sweep go on."""
    _steer(context, act=lambda client: client.resume(sweep_id))


@app.command()
def stop(context: typer.Context, *, sweep_id: Id) -> None:
    """Running trials finish, then the sweep is over."""
    _steer(context, act=lambda client: client.stop(sweep_id))


@app.command()
def cancel(context: typer.Context, *, sweep_id: Id) -> None:
    """End a sweep and its running trials now."""
    _steer(context, act=lambda client: client.cancel(sweep_id))


@app.command()
def extend(
    context: typer.Context,
    *,
    sweep_id: Id,
    trials: Annotated[int, typer.Option(min=0, help="How many trials more.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="How many seconds more.")] = 0,
) -> None:
    """Add to the budget; a COMPLETED sweep goes on."""
    _steer(context, act=lambda client: client.extend(sweep_id, trials=trials, seconds=seconds))


@app.command()
def delete(
    context: typer.Context,
    *,
    sweep_id: Id,
    mlflow_runs: Annotated[bool, typer.Option("--mlflow-runs", help="Its runs in MLflow too.")] = False,
) -> None:
    """Remove a sweep that is over, with its files."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        client.delete(sweep_id, mlflow_runs=mlflow_runs)
    terminal.say(f"{sweep_id} is removed.")


def _steer(context: typer.Context, *, act: Callable[[Client], SweepAnswer]) -> None:
    terminal = Terminal.of(context)
    with terminal.client() as client:
        terminal.say(progress_line(act(client)))


def _follow(terminal: Terminal, *, client: Client, sweep_id: str) -> None:
    """Follows a sweep to its end. Raises typer.Exit with code 1 when it failed."""
    try:
        sweep = follow(client, sweep_id=sweep_id, console=terminal.console)
    except KeyboardInterrupt:
        terminal.say(f"The sweep goes on; `ravine sweep watch {sweep_id}` shows it again.")
        return
    if sweep.best is not None:
        for line in answer_lines(client.best(sweep_id), sweep=sweep):
            terminal.say(line)
    if sweep.state is SweepState.FAILED:
        raise typer.Exit(1)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read as text: {error}") from error
