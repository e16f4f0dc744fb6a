"""One trial of many in one process kills it: the others complete, it fails with its reason, nothing waits for ever."""

from pathlib import Path
from typing import Any

from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState
from tests.end_to_end.running import running_ravine, wait_for

SECONDS = 120.0
NUM_INNOCENT = 8
EPOCHS = 5
DEADLY = '''
import os
from torch import nn
import numpy as np
from trainer.plugins import Problem, problem

@problem("deadly", task="classification")
def deadly(*, kills: int = 0):
    """Ends its process where it is told to."""
    x, y = np.random.default_rng(7).normal(size=(200, 4)), np.arange(200) % 2

    def loss(outputs, targets):
        if kills:
            os._exit(7)
        return nn.functional.cross_entropy(outputs, targets)

    return Problem(model=lambda: nn.Linear(4, 2), train=(x, y), validation=(x, y), test=(x, y), loss=loss)
'''
RATES = [0.01 * (1 + number) for number in range(NUM_INNOCENT)]
SWEEP: dict[str, Any] = {
    "problem": {"plugin": "deadly"},
    "engine": "fused",
    "space": {"learning_rate": {"low": 0.001, "high": 1.0}, "problem.kills": {"choices": [0, 1]}},
    "first": [
        *({"learning_rate": rate, "problem.kills": 0} for rate in RATES),
        {"learning_rate": 0.01, "problem.kills": 1},
    ],
    "sampler": {"kind": "random", "seed": 7},
    "pruner": {"kind": "none"},
    "budget": {"trials": NUM_INNOCENT + 1, "epochs": EPOCHS, "parallel": NUM_INNOCENT + 1},
    "limits": {"attempts": 2},
}


def test_a_trial_that_kills_its_process_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    told = {"RAVINE_PROBLEMS": str(tmp_path / "deadly.py"), "RAVINE_WORKERS": "1"}
    with running_ravine(tmp_path / "home", RAVINE_RECORDER="false", **told) as ravine:
        wait_for(lambda: "deadly" in {one.name for one in ravine.client.problems()}, seconds=SECONDS)
        sweep_id = ravine.client.create_sweep(SWEEP).id
        wait_for(lambda: ravine.client.sweep(sweep_id).state in FINAL_SWEEP_STATES, seconds=SECONDS)
        assert ravine.client.sweep(sweep_id).state is SweepState.COMPLETED
        *innocent, guilty = ravine.client.trials(sweep_id)
    assert [one.state for one in innocent] == [TrialState.COMPLETED] * NUM_INNOCENT
    assert {one.num_epochs for one in innocent} == {EPOCHS}
    assert {one.attempts for one in innocent} == {2}
    assert guilty.state is TrialState.FAILED
    assert guilty.reason == "the training process exited with code 7 (attempt 2 of 2)"
