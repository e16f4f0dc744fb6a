"""`ravine plot`: a plot of a sweep as a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.commands.terminal import Terminal
from service.errors import ConfigurationError
from service.plots.plot_page import whole_page
from service.plots.plot_schemas import PlotFigure

KINDS = "history, importance, parallel_coordinate, slice, contour, learning_curves or range_test"


def plot(
    context: typer.Context,
    *,
    sweep_id: Annotated[str, typer.Argument(metavar="ID", help="The sweep's id.")],
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{KINDS}.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help=".html: a page that opens anywhere; .json: the figure for Plotly.")
    ],
    metric: Annotated[str | None, typer.Option(help="learning_curves: of another metric, say train_loss.")] = None,
) -> None:
    """Draw a plot of a sweep into a file."""
    if output.suffix not in (".html", ".json"):
        raise ConfigurationError(f"--output {output}: ends in neither .html nor .json; name a file of one of these.")
    terminal = Terminal.of(context)
    with terminal.client() as client:
        figure = client.plot(sweep_id, kind=kind, metric=metric)
    try:
        output.write_text(_text(figure, output=output), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--output {output} cannot be written: {error.strerror}.") from error
    terminal.say(f"{output} is written.")


def _text(figure: PlotFigure, *, output: Path) -> str:
    as_json = json.dumps(figure.model_dump(), allow_nan=False)
    return as_json if output.suffix == ".json" else whole_page(as_json, title=output.stem)
