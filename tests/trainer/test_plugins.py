"""Problems of users' own: how they are built, how they train, and how they fail."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.assignments import BASELINE, assignment, numbers
from tests.trainer.own_problems import OWN, SPIRALS, assigned, discover_shapes, line, line_of, own_file, trained
from tests.trainer.scripted_source import ScriptedSource, keep_weights
from tests.trainer.trained_weights import done
from trainer.checkpoint import CheckpointStore
from trainer.config import MetricConfig, ProblemConfig
from trainer.engine import train
from trainer.errors import ProblemError
from trainer.models.dropout import SeededDropout
from trainer.own.discovery import discover, plugin_named
from trainer.plugins import Problem, problem
from trainer.problem import build_problem
from trainer.task import Export, Exported, Predict, Prediction
from trainer.tasks.exported import AboutExport

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["", "a/b", "x" * 201])
def test_a_name_that_cannot_be_asked_for_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="plugin"):
        problem(name)


@pytest.mark.parametrize("metric", ["margin", "val_loss", "val_accuracy"])
def test_a_metric_that_is_taken_or_not_held_out_is_refused(metric: str) -> None:
    with pytest.raises(ValueError, match=metric):
        problem("own", task="classification", metrics=(metric,))


def test_what_a_problem_returns_is_checked_where_it_is_made() -> None:
    x, y = torch.ones(3, 2), torch.zeros(3, dtype=torch.int64)

    def made(part: Sequence[torch.Tensor]) -> Problem:
        # A part of another length than a pair is what the test is about.
        return Problem(lambda: torch.nn.Linear(2, 2), (x, y), validation=tuple(part), test=(x, y))  # type: ignore[arg-type]

    assert made((x, y)).loss is None
    for part, message in (((x,), "a pair"), ((x, y[:2]), "3 inputs and 2 targets"), ((x[:0], y[:0]), "at least one")):
        with pytest.raises(ValueError, match=f"validation: .*{message}"):
            made(part)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0.5}, r"problem\.width: 0\.5 is not an integer"),
        ({"width": True}, r"problem\.width: True is not an integer"),
        ({"noise": "much"}, r"problem\.noise: 'much' is not a number"),
        ({"colour": 1}, r"problem\.colour: .* known: width, noise, dropout"),
    ],
)
def test_a_setting_of_another_type_is_refused(
    settings: dict[str, int | float | str], message: str, tmp_path: Path
) -> None:
    discover([SPIRALS])
    with pytest.raises(ValueError, match=message):
        build_problem(ProblemConfig(plugin="spirals", settings=settings), device=CPU, files=CheckpointStore(tmp_path))


def test_another_source_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    [facts] = discover([SPIRALS])
    files = CheckpointStore(tmp_path)
    build_problem(ProblemConfig(plugin="spirals", digest=facts.digest), device=CPU, files=files)
    with pytest.raises(ProblemError, match=r"ravine_spirals\.py.*differs from the one"):
        build_problem(ProblemConfig(plugin="spirals", digest="0" * 64), device=CPU, files=files)
    with pytest.raises(ProblemError, match="no problem 'circles'"):
        build_problem(ProblemConfig(plugin="circles"), device=CPU, files=files)


def test_a_problem_is_built_with_its_settings_and_counted_dropout(tmp_path: Path) -> None:
    discover([SPIRALS])
    config = ProblemConfig(plugin="spirals", settings={"width": 8, "noise": 0, "dropout": 0.5}, metrics=("val_auc",))
    built = build_problem(config, device=CPU, files=CheckpointStore(tmp_path))
    model = built.model()
    assert sum(parameter.numel() for parameter in model.parameters()) == 2 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2
    assert any(isinstance(module, SeededDropout) for module in model.modules())
    assert (built.train.x.dtype, built.train.y.dtype) == (torch.float32, torch.int64)
    assert tuple(built.metrics) == ("val_accuracy", "val_auc")
    assert (built.facts.num_train, built.facts.input_shape, built.facts.num_classes) == (400, (2,), 2)
    assert built.preprocessing["inputs"] == {"kind": "array", "shape": [2], "mean": [0.0] * 2, "scale": [1.0] * 2}
    assert build_problem(config, device=CPU, files=CheckpointStore(tmp_path)).train.x is built.train.x


@pytest.mark.parametrize("drain_at", [3, 6, 10])
def test_a_training_with_dropout_and_logs_goes_on_bit_equal(tmp_path: Path, drain_at: int) -> None:
    discover([SPIRALS])
    settings = {**BASELINE, "batch_size": 100}
    config = ProblemConfig(plugin="spirals", settings={"dropout": 0.4, "width": 8})
    assigned = assignment(settings, epochs=3).model_copy(
        update={"problem": config, "metric": MetricConfig(name="val_accuracy", goal="maximize")}
    )
    whole = trained(assigned, folder=tmp_path)
    first = trained(assigned, folder=tmp_path, drain_at=drain_at)
    rest = trained(assigned.model_copy(update={"checkpoint": first.notes()[0].checkpoint}), folder=tmp_path)
    assert numbers(first.reports() + rest.reports()) == numbers(whole.reports())
    assert all(report.metrics["margin"] is not None for report in whole.reports())


@pytest.mark.parametrize(
    ("wrong", "reason", "blamed"),
    [
        ("model", "ValueError: boom", 'raise ValueError("boom")'),
        ("function", "RuntimeError: no data today", 'raise RuntimeError("no data today")'),
        ("torch", "RuntimeError: ", "torch.ones(2) @ torch.ones(3)"),
        ("instance", "ValueError: model: every trial needs a new one", "return Problem("),
    ],
)
def test_a_problem_that_raises_fails_its_trial_and_names_the_line(
    tmp_path: Path, wrong: str, reason: str, blamed: str
) -> None:
    discover([own_file(tmp_path)])
    bad = assigned(line({"wrong": wrong}))
    source = trained(bad, assigned(line(), attempt=2), folder=tmp_path)
    [ending] = source.endings()
    assert (ending.attempt, ending.state) == (1, "FAILED")
    assert ending.reason.startswith(reason)
    found = int(ending.reason.rsplit("(own.py, line ")[-1].rstrip(")"))
    first = line_of(blamed)
    assert first <= found <= first + 3  # a call of several lines is blamed on any of them
    assert "Traceback" in (ending.traceback or "")
    assert source.reports(attempt=2)[-1].last


def test_the_line_may_lie_in_another_file_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "weather.py").write_text("def look():\n    raise OSError('fog')\n")
    text = OWN.replace('raise RuntimeError("no data today")', "weather.look()")
    (package / "problems.py").write_text("from own_package import weather" + text)
    monkeypatch.syspath_prepend(tmp_path)
    discover(["own_package.problems"])
    [ending] = trained(assigned(line({"wrong": "function"})), folder=tmp_path).endings()
    assert ending.reason == "OSError: fog (weather.py, line 2)"


def test_a_fault_that_is_not_the_plugins_names_no_line(tmp_path: Path) -> None:
    discover([own_file(tmp_path)])
    pinned = assigned(line().model_copy(update={"digest": "0" * 64}))
    [ending] = trained(pinned, folder=tmp_path).endings()
    assert ending.reason.endswith("or start a new sweep")


def test_a_declared_function_can_be_called_as_before() -> None:
    discover([SPIRALS])
    made = plugin_named("spirals").plugin(width=4)
    assert made.model()(torch.zeros(3, 2)).shape == (3, 2)


def test_outputs_of_another_shape_than_the_targets_fail_rather_than_learn_something_else(tmp_path: Path) -> None:
    discover_shapes(tmp_path)
    [ending] = trained(assigned(ProblemConfig(plugin="squeezed")), folder=tmp_path).endings()
    assert ending.state == "FAILED"
    assert "squeezed: the model's outputs have the shape (32,) and the targets (32, 1)" in ending.reason


def test_a_model_with_more_outputs_than_classes_in_its_data_predicts_and_is_exported(tmp_path: Path) -> None:
    discover_shapes(tmp_path)
    wide, files = ProblemConfig(plugin="wide"), CheckpointStore(tmp_path)
    source = ScriptedSource([assigned(wide)], judge=keep_weights)
    train(source, slots=1, device="cpu", checkpoints=files)
    [weights] = [note.weights for note in source.kept()]
    said = done(Predict(problem=wide, weights=weights, rows=[[-900.0], [900.0]]), files=files).value
    assert isinstance(said, Prediction)
    assert said.classes == [0, 1, 2, 3, 4]
    assert set(said.predictions) <= set(said.classes)
    exported = done(Export(problem=wide, weights=weights), files=files).value
    assert isinstance(exported, Exported)
    about = AboutExport.model_validate_json(files.load(exported.file).text)
    assert about.preprocessing["target"]["classes"] == said.classes == about.output_example["classes"]


def test_data_that_are_drawn_are_the_same_on_every_worker(tmp_path: Path) -> None:
    def drawn() -> torch.Tensor:
        discover_shapes(tmp_path)  # loaded again: nothing is kept of the data drawn before
        return build_problem(ProblemConfig(plugin="drawn"), device=CPU, files=CheckpointStore(tmp_path)).train.x

    first = drawn()
    np.random.seed(5)
    random.seed(5)
    expected = (np.random.RandomState(5).rand(), random.Random(5).random())
    assert torch.equal(drawn(), first)
    assert (np.random.rand(), random.random()) == expected
