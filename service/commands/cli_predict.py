"""`ravine predict`: the winner in use."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from service.commands.terminal import Terminal
from service.errors import ConfigurationError, InvalidRequest
from service.predict_schemas import PredictAnswer
from service.rows import Row, rows_of_csv, rows_of_json


def predict(
    context: typer.Context,
    *,
    sweep_id: Annotated[str, typer.Argument(metavar="ID", help="The sweep's id.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV with a header, or .json as for the API.")],
    trial: Annotated[int | None, typer.Option(min=0, help="Another trial than the best.")] = None,
) -> None:
    """Predict the rows of a file with the best trial's model: a CSV, one line per row."""
    rows = _rows(file)
    with Terminal.of(context).client() as client:
        answer = client.predict(sweep_id, rows=rows, trial=trial)
    _write(answer)


def _rows(file: Path) -> list[Row]:
    try:
        body = file.read_bytes()
        return rows_of_json(json.loads(body)) if file.suffix == ".json" else rows_of_csv(body)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    except InvalidRequest as error:
        raise ConfigurationError(f"{file}: {error.detail}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is not JSON: {error}") from error


def _write(answer: PredictAnswer) -> None:
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["prediction", *(f"probability_{one}" for one in answer.classes or ())])
    for index, prediction in enumerate(answer.predictions):
        lines.writerow([prediction, *(answer.probabilities[index] if answer.probabilities else ())])
