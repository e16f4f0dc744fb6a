"""`ravine plot` as a person types it, against an API that says what the test wrote."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.commands.cli_plot import KINDS as NAMED
from service.settings import with_variables
from sweeps.plots.kinds import KINDS
from tests.house.source import ROOT
from tests.service.scripted_api import Said, ScriptedApi, problem, scripted_api

FIGURE = {"data": [{"type": "scatter", "x": [1], "y": [2]}], "layout": {"title": {"text": "</script> & <b>"}}}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        serving.says("GET /v1/sweeps/s1/plots/learning_curves", Said(body=json.dumps(FIGURE).encode()))
        yield serving


def plot(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    environment = with_variables(url=url) | {"COLUMNS": "200", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "service.commands.cli", "plot", "s1", *words]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_a_figure_and_a_page_are_written(api: ScriptedApi, tmp_path: Path) -> None:
    figure, page = tmp_path / "curves.json", tmp_path / "curves.html"
    done = plot("learning_curves", "--metric", "train_loss", "-o", str(figure), url=api.url)
    assert (done.returncode, done.stdout) == (0, f"{figure} is written.\n"), done.stderr
    assert json.loads(figure.read_text()) == FIGURE
    assert api.heard[-1].line.endswith("?metric=train_loss")
    assert plot("learning_curves", "-o", str(page), url=api.url).returncode == 0
    text = page.read_text(encoding="utf-8")
    assert "plotly.js v" in text
    assert "<script src" not in text
    assert "\\u003c/script> & \\u003cb>" in text


def test_what_cannot_be_is_told_in_a_line(api: ScriptedApi, tmp_path: Path) -> None:
    done = plot("learning_curves", "-o", "curves.png", url=api.url)
    assert (done.returncode, ".html" in done.stderr, api.heard) == (2, True, [])
    done = plot("learning_curves", "-o", str(tmp_path / "nowhere" / "curves.json"), url=api.url)
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True)
    api.says("GET /v1/sweeps/s1/plots/pie", problem(404, detail="There is no plot pie."))
    done = plot("pie", "-o", str(tmp_path / "pie.json"), url=api.url)
    assert (done.returncode, done.stderr) == (1, "error: There is no plot pie.\n")


def test_the_help_names_every_kind() -> None:
    assert set(re.findall(r"\w+", NAMED)) - {"or"} == set(KINDS)
