"""The command line `ravine`: a thin layer on the client. Exit codes: 0 done, 1 the service said no, 2 typed wrong."""

import os
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from service.client_errors import ApiError
from service.commands.cli_dataset import app as dataset_app
from service.commands.cli_plot import plot
from service.commands.cli_predict import predict
from service.commands.cli_sweep import app as sweep_app
from service.commands.cli_worker import logs, workers
from service.commands.display import answer_lines
from service.commands.terminal import Terminal, error_lines
from service.errors import ConfigurationError
from service.settings import with_variables

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(sweep_app, name="sweep")
app.add_typer(dataset_app, name="dataset")
app.command()(plot)
app.command()(predict)
app.command()(workers)
app.command()(logs)


@app.callback()
def ravine(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Option(help="The API's address; else RAVINE_URL, else what serves RAVINE_HOME.")
    ] = None,
) -> None:
    """Finds the SGD settings that work best for your model and your data."""
    context.obj = Terminal(url=url, console=Console(markup=False))


@app.command()
def up(
    *,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the API; 0 takes a free one.")] = None,
    mlflow_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the MLflow UI; 0: a free one.")] = None,
) -> None:
    """Serve the API, the MLflow UI and the workers until Ctrl-C."""
    typed = {"port": port, "mlflow_port": mlflow_port}
    _become("service.supervision.up", **{name: value for name, value in typed.items() if value is not None})


@app.command()
def worker(
    *,
    every_gpu: Annotated[
        bool, typer.Option("--every-gpu", help="One per GPU of this machine; without one, one.")
    ] = False,
) -> None:
    """Train for the service at RAVINE_URL, with the join token in RAVINE_JOIN_TOKEN_FILE, until Ctrl-C."""
    _become("service.executors.pool" if every_gpu else "service.worker")


@app.command()
def migrate() -> None:
    """Bring the database that RAVINE_DATABASE_URL names up to the schema of this Ravine; back it up first."""
    _become("service.commands.migration")


@app.command()
def doctor() -> None:
    """Check versions, ports, database, MLflow, disk, devices and permissions, and say how to mend them."""
    _become("service.commands.doctor")


@app.command()
def best(
    context: typer.Context, *, sweep_id: Annotated[str, typer.Argument(metavar="ID", help="The sweep's id.")]
) -> None:
    """The answer: the best settings, their value, and how far they are ahead of the baseline."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        for line in answer_lines(client.best(sweep_id), sweep=client.sweep(sweep_id)):
            terminal.say(line)


def main() -> None:
    """Runs the command line and tells its errors in one line each."""
    try:
        app()
    except ApiError as error:
        _fail(error_lines(error), code=1)
    except ConfigurationError as error:
        _fail([error.detail], code=2)
    except KeyboardInterrupt:
        sys.exit(130)


def _become(module: str, **variables: int) -> NoReturn:
    """Goes on as another program: this one stays quick to start, and signals reach the one that is meant."""
    os.execve(sys.executable, [sys.executable, "-m", module], with_variables(**variables))


def _fail(lines: list[str], *, code: int) -> NoReturn:
    console = Console(stderr=True)
    for line in lines:
        console.print(f"error: {line}", soft_wrap=True, highlight=False, markup=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
