"""`ravine dataset`: data of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from service.commands.data_display import dataset_lines, datasets_table
from service.commands.terminal import Terminal
from service.errors import ConfigurationError

app = typer.Typer(no_args_is_help=True, help="Upload data of your own, look at it, remove it.")


@app.command()
def add(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, Parquet or NPZ.")],
    target: Annotated[str | None, typer.Option(help="The column to predict; NPZ: the array, y by default.")] = None,
    name: Annotated[str | None, typer.Option(help="What sweeps call it; the file's own name by default.")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression; guessed by default.")] = None,
    split: Annotated[str | None, typer.Option(help="random, group, time or column.")] = None,
    split_column: Annotated[str | None, typer.Option(help="The column of that split.")] = None,
    split_seed: Annotated[int | None, typer.Option(help="Of the random split.")] = None,
    missing: Annotated[str | None, typer.Option(help="refuse (the default) or impute.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="A column to leave out; may be given again.")] = None,
    max_categories: Annotated[int | None, typer.Option(help="The most texts of a one-hot column.")] = None,
    data_format: Annotated[str | None, typer.Option("--format", help="csv, parquet or npz.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="CSV: one character, or tab; guessed by default.")] = None,
    decimal: Annotated[str | None, typer.Option(help="CSV: . or ,")] = None,
    encoding: Annotated[str | None, typer.Option(help="CSV: utf-8, latin-1, cp1252 or utf-16.")] = None,
) -> None:
    """Upload a data set."""
    options = {
        "target": target,
        "name": name,
        "task": task,
        "split": split,
        "split_column": split_column,
        "split_seed": split_seed,
        "missing": missing,
        "ignore": ignore,
        "max_categories": max_categories,
        "format": data_format,
        "delimiter": delimiter,
        "decimal": decimal,
        "encoding": encoding,
    }
    _upload(Terminal.of(context), file=file, options=options)


@app.command("list")
def list_datasets(context: typer.Context) -> None:
    """List all uploaded data sets."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        terminal.show(datasets_table(client.datasets()))


@app.command()
def show(context: typer.Context, *, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Show what was found in a data set and done to it."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        for line in dataset_lines(client.dataset(name)):
            terminal.say(line)


@app.command("rm")
def remove(context: typer.Context, *, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Remove a data set that no sweep uses."""
    terminal = Terminal.of(context)
    with terminal.client() as client:
        client.delete_dataset(name)
    terminal.say(f"{name} is removed.")


def _upload(terminal: Terminal, *, file: Path, options: Mapping[str, object]) -> None:
    """Uploads with a progress bar, where there is a terminal to draw it on, and says what became of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, console=terminal.console, transient=True, disable=not terminal.console.is_terminal)
    try:
        with terminal.client() as client, bar:
            row = bar.add_task(file.name, total=file.stat().st_size)
            dataset = client.add_dataset(file, sent=lambda num_bytes: bar.update(row, completed=num_bytes), **options)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}.") from error
    for line in dataset_lines(dataset):
        terminal.say(line)
