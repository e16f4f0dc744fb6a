"""Plots over HTTP."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from plotly.io import from_json

from service.errors import Unavailable
from service.plots.plotting import Plots
from service.routes.accepting import liked
from service.stores import sweeps as sweep_rows
from sweeps.insights.importance_question import Question
from sweeps.plots.kinds import KINDS
from tests.house.source import ROOT
from tests.service.api_house import ApiHouse, problem
from tests.service.json_schema import faults
from tests.service.scripted_worker import ScriptedWorker
from trainer.task import RangeCurve

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class FakeImportances:
    """Answers at once what the child would work out, and counts."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked: list[Question] = []
        self._fails = fails

    def __call__(self, question: Question) -> dict[str, float]:
        """The first parameter is all that matters."""
        self.asked.append(question)
        if self._fails:
            raise Unavailable("The importances could not be worked out now; try again soon.")
        return {name: float(place == 0) for place, name in enumerate(question.space.searched())}


@pytest.fixture
def importances(api_house: ApiHouse) -> FakeImportances:
    """The API draws with fake importances."""
    fake = FakeImportances()
    api_house.app.state.plots = Plots(api_house.house.database, importances=fake)
    return fake


def trained(api_house: ApiHouse, *, trials: int = 12, **spec: Any) -> str:
    """A sweep, worked through."""
    sweep = api_house.create(budget={"trials": trials, "epochs": 3}, **spec)
    worker = ScriptedWorker(api_house.house.coordinator)
    worker.value_of = lambda trial, epoch: None if epoch == 2 else 0.5 + 0.01 * trial
    worker.work()
    return sweep


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("importances")
def test_each_kind_is_a_figure_as_documented(api_house: ApiHouse, kind: str) -> None:
    answer = api_house.ask("GET", f"/v1/sweeps/{trained(api_house)}/plots/{kind}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert from_json(answer.text).layout.title.text
    document = api_house.get("/openapi.json")
    documented = document["paths"]["/v1/sweeps/{sweep_id}/plots/{kind}"]["get"]["responses"]["200"]["content"]
    assert set(documented) == {"application/json", "text/html"}
    assert list(faults(document, documented["application/json"]["schema"], answer.json())) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("importances")
def test_a_sweep_without_trials_is_drawn_too(api_house: ApiHouse, kind: str) -> None:
    figure = api_house.get(f"/v1/sweeps/{api_house.create()}/plots/{kind}")
    assert (figure["data"], len(figure["layout"]["annotations"])) == ([], 1)


def test_the_kinds_are_listed(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    page = api_house.get(f"/v1/sweeps/{sweep}/plots")
    assert [one["kind"] for one in page["items"]] == list(KINDS)
    assert page["items"][0]["url"] == f"/v1/sweeps/{sweep}/plots/history"
    assert page["next_page_token"] is None


def test_a_browser_gets_a_page_that_loads_nothing_from_elsewhere(api_house: ApiHouse) -> None:
    sweep = trained(api_house, trials=3, name="<script>alert(1)<!--")
    answer = api_house.ask("GET", f"/v1/sweeps/{sweep}/plots/history", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["vary"] == "Accept"
    assert "http://" not in answer.text.replace("http-equiv", "")
    assert "https://" not in answer.text
    assert "default-src 'none'" in answer.text
    assert "<script>alert" not in answer.text
    (script,) = re.findall(r'<script src="([^"]+)">', answer.text)
    (figure,) = re.findall(r"const figure = (.*);", answer.text)
    assert json.loads(figure) == api_house.get(f"/v1/sweeps/{sweep}/plots/history")
    source = api_house.ask("GET", script)
    assert (source.status_code, b"plotly.js v" in source.content[:300]) == (200, True)
    assert "immutable" in source.headers["cache-control"]


def test_the_script_needs_no_token_but_plots_do(api_house: ApiHouse) -> None:
    closed = ApiHouse(api_house.house, user_token="secret")
    assert closed.ask("GET", "/v1/plots/plotly.min.js").status_code == 200
    problem(closed.ask("GET", f"/v1/sweeps/{api_house.create()}/plots/history"), 401)


def test_what_is_not_there_says_what_is(api_house: ApiHouse) -> None:
    sweep = trained(api_house, trials=1)
    assert "did you mean history?" in problem(api_house.ask("GET", f"/v1/sweeps/{sweep}/plots/histori"), 404)["detail"]
    assert "no sweep nowhere" in problem(api_house.ask("GET", "/v1/sweeps/nowhere/plots/history"), 404)["detail"]
    problem(api_house.ask("GET", "/v1/sweeps/nowhere/plots"), 404)
    image = api_house.ask("GET", f"/v1/sweeps/{sweep}/plots/history", headers={"Accept": "image/png"})
    assert "text/html" in problem(image, 406)["detail"]


def test_curves_of_any_metric_that_is_reported(api_house: ApiHouse) -> None:
    curves = f"/v1/sweeps/{trained(api_house, trials=2)}/plots/learning_curves"
    figure = api_house.get(f"{curves}?metric=train_loss")
    assert figure["layout"]["yaxis"]["title"]["text"] == "train_loss (lower is better)"
    assert figure["data"][0]["y"] == [1.0, 0.5, 1.0 / 3, None] * 2
    (error,) = problem(api_house.ask("GET", f"{curves}?metric=val_los"), 422)["errors"]
    assert (error["field"], "train_loss" in error["mend"]) == ("metric", True)
    other = curves.replace("learning_curves", "history")
    assert problem(api_house.ask("GET", f"{other}?metric=train_loss"), 422)["errors"][0]["field"] == "metric"


def test_a_plot_is_kept_until_something_happens(api_house: ApiHouse, importances: FakeImportances) -> None:
    sweep = trained(api_house)
    plot = f"/v1/sweeps/{sweep}/plots/importance"
    assert api_house.get(plot) == api_house.get(plot)
    assert len(importances.asked) == 1
    assert len(importances.asked[0].trials) == 12
    api_house.ask("POST", f"/v1/sweeps/{sweep}:extend", json={"trials": 1})
    ScriptedWorker(api_house.house.coordinator, name="w2").work()
    assert "From 13 trials" in api_house.get(plot)["layout"]["title"]["subtitle"]["text"]
    assert len(importances.asked) == 2


def test_a_range_test_is_drawn_when_it_is_there(api_house: ApiHouse) -> None:
    sweep = api_house.create()
    plot = f"/v1/sweeps/{sweep}/plots/range_test"
    assert api_house.get(plot)["data"] == []
    curve = RangeCurve(rates=[0.1, 1.0], losses=[1.0, None], first_loss=2.0, num_updates=5, low=0.01, high=0.1)
    with api_house.house.database.write() as connection:
        sweep_rows.change(connection, sweep, range_test=curve.model_dump(mode="json"))
    assert [trace["name"] for trace in api_house.get(plot)["data"]] == ["loss", "diverged"]


def test_importances_that_fail_can_be_asked_for_again(api_house: ApiHouse) -> None:
    sweep = trained(api_house)
    plots = api_house.app.state
    plots.plots = Plots(api_house.house.database, importances=FakeImportances(fails=True))
    answer = api_house.ask("GET", f"/v1/sweeps/{sweep}/plots/importance")
    assert "try again soon" in problem(answer, 503)["detail"]
    assert answer.headers["retry-after"]


def test_the_child_works_the_importances_out(api_house: ApiHouse) -> None:
    (bar,) = api_house.get(f"/v1/sweeps/{trained(api_house)}/plots/importance")["data"]
    assert sum(bar["x"]) == pytest.approx(1)
    assert set(bar["y"]) == {"learning_rate", "momentum", "weight_decay", "batch_size"}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/*;q=0.5, text/html", "html"),
        (BROWSER, "html"),
        ("text/html;q=0.4, application/json;q=0.5", "json"),
        ("text/html;q=0, */*", "json"),
        ("text/*", "html"),
        ("image/png", None),
        ("text/html;q=x", None),
        ("application/json;q=0, text/html;q=0", None),
        (",;,q=1", None),
    ],
)
def test_the_form_that_is_liked_best(accept: str, expected: str | None) -> None:
    types = {"json": "application/json", "html": "text/html", None: None}
    assert liked(accept, offered=("application/json", "text/html")) == types[expected]


def test_the_api_starts_without_what_only_plots_could_want() -> None:
    strangers = ("plotly", "optuna.visualization", "optuna.importance", "sklearn", "pandas")
    code = f"import sys, service.app; print(*(name for name in {strangers!r} if name in sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""
