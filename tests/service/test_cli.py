"""The command line as a person types it, against an API that says what the test wrote."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.schemas import BaselineAnswer, BestAnswer, ValidatedAnswer
from service.settings import with_variables
from service.supervision.ports import free_port
from sweeps.states import SweepState, TrialState
from tests.service.scripted_api import (
    Said,
    ScriptedApi,
    one,
    page,
    problem,
    scripted_api,
    sweep_answer,
    trial_answer,
    worker_answer,
)

ROOT = Path(__file__).resolve().parents[2]
BEST = BestAnswer(
    trial=0,
    settings={"learning_rate": 0.01, "batch_size": 32},
    value=0.95,
    baseline=BaselineAnswer(trial=1, value=0.9),
    difference=0.05,
    warnings=["the best lies at the edge of learning_rate"],
)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        yield serving


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "service.commands.cli", *words]


def ravine(*words: str, url: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environment = with_variables(url=url) | {"COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command(*words), env=environment, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=30, check=False
    )


def test_start_reads_yaml_from_standard_input(api: ScriptedApi) -> None:
    created = sweep_answer().model_copy(update={"warnings": ["the classes are unbalanced"]})
    api.says("POST /v1/sweeps", one(created, status=201))
    text = "problem: {dataset: digits}\nspace:\n  learning_rate: {low: 1e-4, high: 1, log: true}\n"
    done = ravine("sweep", "start", "-", url=api.url, typed=text)
    assert (done.returncode, done.stdout.split()[0]) == (0, "s1"), done.stderr
    assert done.stdout.endswith("Warning: the classes are unbalanced\n")
    assert api.heard[0].body["space"] == {"learning_rate": {"low": 0.0001, "high": 1, "log": True}}


def test_start_and_watch_without_a_terminal(api: ScriptedApi, tmp_path: Path) -> None:
    spec = tmp_path / "sweep.json"
    spec.write_text('{\n\t"problem": {"dataset": "digits"}}')
    api.says("POST /v1/sweeps", one(sweep_answer(), status=201))
    ended = sweep_answer(SweepState.COMPLETED, finished=4)
    api.says("GET /v1/sweeps/s1", one(sweep_answer()), one(ended))
    api.says("GET /v1/sweeps/s1/best", Said(body=BEST.model_dump_json().encode()))
    done = ravine("sweep", "start", str(spec), "--watch", url=api.url)
    assert done.returncode == 0, done.stderr
    running, over, *answer = done.stdout.splitlines()
    assert running == "digits-s1: RUNNING, 1/4 trials, best 0.9 (trial 0), 1 COMPLETED"
    assert over == "digits-s1: COMPLETED, 4/4 trials, best 0.9 (trial 0), 4 COMPLETED"
    assert answer == [
        "Best val_accuracy: 0.95 (trial 0)",
        "Settings: learning_rate=0.01  batch_size=32",
        "Baseline: 0.9 (trial 1); the best is +0.05 away from it",
        "Warning: the best lies at the edge of learning_rate",
    ]


def test_a_check_tells_what_to_think_over(api: ScriptedApi) -> None:
    checked = ValidatedAnswer(spec=sweep_answer().spec, warnings=["so wide that the sampler cannot learn"])
    api.says("POST /v1/sweeps?validate_only=true", Said(body=checked.model_dump_json().encode()))
    done = ravine("sweep", "start", "-", "--validate-only", url=api.url, typed="problem: {dataset: digits}")
    assert done.stdout.splitlines() == ["This sweep could be started.", "so wide that the sampler cannot learn"]


def test_watching_a_sweep_that_fails_ends_with_1(api: ScriptedApi) -> None:
    failed = sweep_answer(SweepState.FAILED).model_copy(update={"best": None, "reason": "20 trials FAILED"})
    api.says("GET /v1/sweeps/s1", one(failed))
    done = ravine("sweep", "watch", "s1", url=api.url)
    assert done.returncode == 1
    assert "FAILED (20 trials FAILED)" in done.stdout


def test_ctrl_c_leaves_the_sweep_running(api: ScriptedApi) -> None:
    api.says("GET /v1/sweeps/s1", one(sweep_answer()))
    environment = with_variables(url=api.url) | {"PYTHONUNBUFFERED": "1"}
    watching = subprocess.Popen(
        command("sweep", "watch", "s1"), env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    assert "RUNNING" in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    said, _ = watching.communicate(timeout=10)
    assert watching.returncode == 0
    assert said.splitlines()[-1] == "The sweep goes on; `ravine sweep watch s1` shows it again."
    assert {heard.line for heard in api.heard} == {"GET /v1/sweeps/s1"}


def test_a_terminal_shows_the_live_board(api: ScriptedApi) -> None:
    api.says("GET /v1/sweeps/s1", one(sweep_answer(SweepState.COMPLETED)))
    api.says("GET /v1/sweeps/s1/trials", page(trial_answer(0), trial_answer(1, state=TrialState.RUNNING, value=0.5)))
    api.says("GET /v1/sweeps/s1/best", Said(body=BEST.model_dump_json().encode()))
    environment = with_variables(url=api.url) | {"TERM": "xterm", "COLUMNS": "120"}
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command("sweep", "watch", "s1"), env=environment, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
    ) as watching:
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert watching.returncode == 0
    assert shown.count("\r\n") >= 7, "progress, bar, gap, header and trials have lines of their own"
    assert all(word in shown for word in ("trial", "val_accuracy", "epochs", "learning_rate", "RUNNING", "0.02"))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux: the other end is closed
        return b""


def test_show_list_and_best(api: ScriptedApi) -> None:
    api.says("GET /v1/sweeps", page(sweep_answer(), sweep_answer(SweepState.STOPPED, sweep_id="s2")))
    api.says("GET /v1/sweeps/s1", one(sweep_answer()))
    api.says("GET /v1/sweeps/s1/trials", page(trial_answer(0), trial_answer(1, value=0.95)))
    api.says("GET /v1/sweeps/s1/best", Said(body=BEST.model_dump_json().encode()))
    listed = ravine("sweep", "list", url=api.url).stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["s1", "digits-s1", "RUNNING"], ["s2", "digits-s2", "STOPPED"]]
    shown = ravine("sweep", "show", "s1", url=api.url).stdout.splitlines()
    assert [line.split()[0] for line in shown[2:4]] == ["1", "0"], "the better trial comes first"
    assert ravine("best", "s1", url=api.url).stdout.startswith("Best val_accuracy: 0.95 (trial 0)\n")


def test_steering(api: ScriptedApi) -> None:
    for verb in ("pause", "extend"):
        api.says(f"POST /v1/sweeps/s1:{verb}", one(sweep_answer(), status=202))
    api.says("DELETE /v1/sweeps/s1?mlflow_runs=true", Said(status=204))
    assert ravine("sweep", "pause", "s1", url=api.url).returncode == 0
    assert ravine("sweep", "extend", "s1", "--trials", "3", url=api.url).returncode == 0
    assert ravine("sweep", "delete", "s1", "--mlflow-runs", url=api.url).stdout == "s1 is removed.\n"
    assert api.heard[1].body == {"trials": 3, "seconds": 0.0}


def test_an_error_is_a_line_per_field_and_exit_1(api: ScriptedApi) -> None:
    wrong = [
        {"field": "space.momentum.low", "message": "is above high", "mend": "swap them"},
        {"field": "budget.trials", "message": "is 0", "mend": "ask for at least 1"},
    ]
    api.says("POST /v1/sweeps", problem(422, detail="2 fields are wrong.", errors=wrong))
    done = ravine("sweep", "start", "-", url=api.url, typed="problem: {dataset: digits}")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: space.momentum.low: is above high; swap them",
        "error: budget.trials: is 0; ask for at least 1",
    ]


def test_names_are_shown_as_they_are(api: ScriptedApi) -> None:
    api.says("GET /v1/sweeps", page(sweep_answer().model_copy(update={"name": "mine [bold] [/b]"})))
    assert "mine [bold] [/b]" in ravine("sweep", "list", url=api.url).stdout


def test_nobody_there_is_one_line_and_exit_1() -> None:
    done = ravine("sweep", "list", url=f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "ravine up" in done.stderr


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("sweep", "start", "nowhere.yaml"), ""),
        (("sweep", "start", "-"), "a: [1"),
        (("sweep", "start", "-"), "just a text"),
        (("sweep", "start", "-"), "seed: .nan"),
        (("sweep", "strat", "-"), ""),
        (("sweep", "extend", "s1", "--trials", "many"), ""),
    ],
)
def test_what_was_typed_wrong_is_exit_2(words: tuple[str, ...], typed: str) -> None:
    assert ravine(*words, url="http://127.0.0.1:9", typed=typed).returncode == 2


def test_the_service_of_the_home_folder_is_found(api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "addresses.json").write_text(f'{{"api": "{api.url}", "mlflow": null}}')
    api.says("GET /v1/sweeps", page(sweep_answer()))
    environment = with_variables(home=tmp_path)
    environment.pop("RAVINE_URL", None)
    done = subprocess.run(
        command("sweep", "list"), env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "digits-s1" in done.stdout


def test_workers_are_listed_with_what_they_do(api: ScriptedApi) -> None:
    api.says("GET /v1/workers", page(worker_answer()))
    done = ravine("workers", url=api.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split()[:6] == ["local-0-cafe", "ALIVE", "local", "here", "cpu", "1"]
    assert done.stdout.rstrip().endswith("s1/3")


def test_logs_are_printed_as_they_are(api: ScriptedApi) -> None:
    api.says("GET /v1/workers/w1/logs", Said(body=b"[bold]one[/bold]\ntwo", kind="text/plain"))
    done = ravine("logs", "w1", "--lines", "2", url=api.url)
    assert (done.returncode, done.stdout) == (0, "[bold]one[/bold]\ntwo")
    assert api.heard[0].line == "GET /v1/workers/w1/logs?lines=2"
    assert ravine("logs", "nobody", url=api.url).returncode == 1
