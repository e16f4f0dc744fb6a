"""The examples as they stand, and problems of one's own, on a real service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.commands.spec_file import read_spec
from service.schemas import SweepAnswer
from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState
from tests.end_to_end.running import RunningRavine, running_ravine, wait_for

EXAMPLES = Path(__file__).parents[2] / "examples"
SPIRALS = EXAMPLES / "spirals" / "spirals.yaml"
SPECS = sorted(EXAMPLES.rglob("*.yaml"))
FEW: dict[str, Any] = {"budget": {"trials": 6, "epochs": 4}}
SECONDS = 120.0

BROKEN = '''
from torch import nn
import numpy as np
from trainer.plugins import Problem, problem

@problem("broken", task="classification")
def broken(*, fail_above: float = 0.5):
    """Raises in its loss where the setting is high."""
    x, y = np.zeros((40, 2)), np.arange(40) % 2

    def loss(outputs, targets):
        if fail_above > 0.5:
            raise ValueError("the loss does not like this setting")
        return nn.functional.cross_entropy(outputs, targets)

    return Problem(model=lambda: nn.Linear(2, 2), train=(x, y), validation=(x, y), test=(x, y), loss=loss)
'''
RAISING_LINE = BROKEN.splitlines().index('            raise ValueError("the loss does not like this setting")') + 1


@pytest.fixture(scope="module")
def ravine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRavine]:
    folder = tmp_path_factory.mktemp("problems")
    (folder / "broken.py").write_text(BROKEN)
    problems = f"{EXAMPLES / 'spirals' / 'ravine_spirals.py'},{folder / 'broken.py'}"
    with running_ravine(tmp_path_factory.mktemp("home"), RAVINE_PROBLEMS=problems) as running:
        wait_for(lambda: _plugins(running) == {"spirals", "broken"}, seconds=SECONDS)
        yield running


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_ends_with_an_answer(ravine: RunningRavine, path: Path) -> None:
    sweep = _run(ravine, {**read_spec(path.read_text(), name=path.name), **FEW})
    assert (sweep.state, sweep.budget.trials_finished) == (SweepState.COMPLETED, 6)
    assert ravine.client.best(sweep.id).baseline is not None


def test_a_problem_of_ones_own_is_searched_kept_and_used(ravine: RunningRavine) -> None:
    sweep = _run(ravine, {**read_spec(SPIRALS.read_text(), name=SPIRALS.name), **FEW})
    assert sweep.spec.problem.digest is not None
    widths = {trial.settings["problem.width"] for trial in ravine.client.trials(sweep.id)}
    assert widths <= {8, 16, 32, 64}
    assert len(widths) > 1
    (epoch, *_) = ravine.client.epochs(sweep.id, number=0)
    assert epoch.metrics["margin"] is not None
    said = ravine.client.predict(sweep.id, rows=[[0.1, 0.2], [0.5, -0.5]])
    assert said.probabilities is not None
    assert [len(row) for row in said.probabilities] == [2, 2]


def test_a_problem_that_raises_fails_its_trials_and_no_others(ravine: RunningRavine) -> None:
    spec = {
        "problem": {"plugin": "broken"},
        "space": {"problem.fail_above": {"choices": [0.1, 0.9]}},
        "sampler": {"kind": "grid"},
        "pruner": {"kind": "none"},
        "first": [],
        **FEW,
    }
    sweep = _run(ravine, spec)
    by_setting = {trial.settings["problem.fail_above"]: trial for trial in ravine.client.trials(sweep.id)}
    failed = by_setting[0.9]
    assert (failed.state, by_setting[0.1].state) == (TrialState.FAILED, TrialState.COMPLETED)
    assert failed.reason is not None
    assert f"ValueError: the loss does not like this setting (broken.py, line {RAISING_LINE})" in failed.reason
    run_id = wait_for(lambda: _trial_run(ravine, sweep.id, failed.number), seconds=SECONDS)
    text = ravine.artifact(run_id, "traceback.txt")
    assert "Traceback" in text
    assert f'broken.py", line {RAISING_LINE}, in loss' in text


def _plugins(ravine: RunningRavine) -> set[str]:
    found = httpx.get(f"{ravine.url}/v1/problems", timeout=30, trust_env=False).json()["items"]
    return {one["name"] for one in found if one["kind"] == "plugin"}


def _run(ravine: RunningRavine, spec: dict[str, Any]) -> SweepAnswer:
    sweep = ravine.client.create_sweep(spec)
    wait_for(lambda: ravine.client.sweep(sweep.id).state in FINAL_SWEEP_STATES, seconds=SECONDS)
    return ravine.client.sweep(sweep.id)


def _trial_run(ravine: RunningRavine, sweep_id: str, number: int) -> str | None:
    return next(one.mlflow_run_id for one in ravine.client.trials(sweep_id) if one.number == number)
