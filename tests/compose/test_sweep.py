"""A sweep on the stack, its containers killed one by one; then another API; then all of it down and up again."""

from collections import Counter
from typing import Any

from service.client import Client
from service.client_errors import TryLater, Unreachable
from sweeps.states import SweepState
from tests.compose.documented import paste, sessions
from tests.compose.stack import COME_BACK_SECONDS, LASTING, Stack
from tests.end_to_end.running import wait_for

# A trial takes a second or two, so that each kill lands in the middle of some.
SWEEP: dict[str, Any] = {
    "name": "killed",
    "problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [256]}},
    "space": {
        "learning_rate": {"low": 1e-3, "high": 0.3, "log": True},
        "momentum": {"low": 0.0, "high": 0.9},
        "batch_size": 16,
    },
    "sampler": {"kind": "tpe", "seed": 7},
    "pruner": {"kind": "none"},
    "budget": {"trials": 50, "epochs": 50},
}
KILLED = ("api", "worker", "recorder", "mlflow", "postgres")
TRIALS_BETWEEN = 8
SWEEP_SECONDS = 300
ENDED = {"COMPLETED", "DIVERGED"}


def test_fifty_trials_survive_a_kill_of_every_container(stack: Stack) -> None:
    with stack.client() as client:
        sweep_id = client.create_sweep(SWEEP).id
        for index, service in enumerate(KILLED):
            _wait_finished(client, sweep_id, num_trials=2 + TRIALS_BETWEEN * index)
            stack.kill(service)
        wait_for(lambda: _heard(client, sweep_id) not in (None, SweepState.RUNNING), seconds=SWEEP_SECONDS)
        _check_api(client, sweep_id)
        _check_mlflow(stack, client, sweep_id=sweep_id)


def test_readmes_sessions_work_as_they_stand(stack: Stack) -> None:
    for session in sessions("README.md"):
        there = session.replace("API=http://127.0.0.1:8000", f"API={stack.url}")
        assert there != session
        said = paste(there, RAVINE_TOKEN=stack.variables["RAVINE_TOKEN"])
        assert '"errors"' not in said  # every answer that says no has this field
        with stack.client() as client:
            newest = next(client.sweeps())
            assert client.wait(newest.id).state is SweepState.COMPLETED


def test_the_older_of_two_apis_ends_and_is_not_started_again(stack: Stack) -> None:
    (older,) = stack.containers("api")
    younger = stack.compose("run", "--detach", "--no-deps", "api").stdout.split()[-1]
    try:
        wait_for(lambda: not stack.engine.inspect(older)["State"]["Running"], seconds=COME_BACK_SECONDS)
        state = stack.engine.inspect(older)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), stack.engine.docker("logs", older).stderr[-2000:]
        assert stack.engine.inspect(younger)["State"]["Running"]
    finally:
        stack.engine.docker("rm", "--force", younger)
    stack.up()


def test_down_and_up_again_finds_everything(stack: Stack) -> None:
    with stack.client() as client:
        before = [(sweep.id, sweep.state) for sweep in client.sweeps()]
        (killed,) = [sweep for sweep in client.sweeps() if sweep.name == SWEEP["name"]]
    (api,) = stack.containers("api")
    stack.engine.docker("stop", "--time", "30", api)
    assert stack.engine.inspect(api)["State"]["ExitCode"] == 143  # so that it comes back with the machine
    stack.down()
    assert [stack.containers(service) for service in LASTING] == [[]] * len(LASTING)
    stack.up()
    with stack.client() as client:
        assert [(sweep.id, sweep.state) for sweep in client.sweeps()] == before
        _check_api(client, killed.id)
        _check_mlflow(stack, client, sweep_id=killed.id)
        client.extend(killed.id, trials=2)
        wait_for(lambda: client.sweep(killed.id).state is SweepState.COMPLETED, seconds=SWEEP_SECONDS)
        assert len(list(client.trials(killed.id))) == SWEEP["budget"]["trials"] + 2


def _wait_finished(client: Client, sweep_id: str, *, num_trials: int) -> None:
    def is_far() -> bool:
        try:
            return client.sweep(sweep_id).budget.trials_finished >= num_trials
        except (TryLater, Unreachable):
            return False

    wait_for(is_far, seconds=SWEEP_SECONDS)
    # A kill after the end would show nothing.
    assert client.sweep(sweep_id).state is SweepState.RUNNING


def _heard(client: Client, sweep_id: str) -> SweepState | None:
    try:
        return client.sweep(sweep_id).state
    except (TryLater, Unreachable):
        return None


def _check_api(client: Client, sweep_id: str) -> None:
    num_trials, num_epochs = SWEEP["budget"]["trials"], SWEEP["budget"]["epochs"]
    sweep = client.sweep(sweep_id)
    assert sweep.state is SweepState.COMPLETED, sweep.reason
    trials = list(client.trials(sweep_id))
    assert [trial.number for trial in trials] == list(range(num_trials))
    assert {trial.state.value for trial in trials} <= ENDED, Counter(trial.state.value for trial in trials)
    assert sweep.budget.trials_finished == num_trials
    for trial in trials:
        if trial.state.value == "COMPLETED":
            epochs = [one.epoch for one in client.epochs(sweep_id, number=trial.number)]
            assert epochs == list(range(1, num_epochs + 1))


def _check_mlflow(stack: Stack, client: Client, *, sweep_id: str) -> None:
    wait_for(lambda: client.sweep(sweep_id).mlflow.pending == 0, seconds=SWEEP_SECONDS)
    sweep = client.sweep(sweep_id)
    assert sweep.mlflow.experiment_id is not None
    runs = stack.mlflow_runs(sweep.mlflow.experiment_id)
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in runs]
    children = [
        (tag["ravine.trial"], run["info"]["status"])
        for run, tag in zip(runs, tags, strict=True)
        if tag.get("mlflow.parentRunId") == sweep.mlflow.run_id
    ]
    assert sorted(children) == sorted(
        (f"{sweep_id}/{number}", "FINISHED") for number in range(SWEEP["budget"]["trials"])
    )
