"""What a person reads."""

from io import StringIO

from rich.console import Console

from service.commands.cli_worker import workers_table
from service.commands.display import (
    NUM_TOP_TRIALS,
    answer_lines,
    counts_text,
    engine_lines,
    number,
    precision_lines,
    progress_line,
    serial_lines,
    top_trials,
)
from service.schemas import BestAnswer, EngineAnswer, TrialAnswer
from sweeps.states import SweepState, TrialState
from tests.service.scripted_api import sweep_answer, trial_answer, worker_answer


def numbers(trials: list[TrialAnswer]) -> list[int]:
    return [trial.number for trial in trials]


def test_running_trials_come_first_then_the_best() -> None:
    trials = [
        trial_answer(0, value=0.7),
        trial_answer(1, value=0.99, state=TrialState.PRUNED),
        trial_answer(2, value=0.9),
        trial_answer(3, value=None, state=TrialState.FAILED),
        trial_answer(4, value=0.1, state=TrialState.RUNNING),
        trial_answer(5, value=None, state=TrialState.WAITING),
        trial_answer(6, value=0.9),
    ]
    assert numbers(top_trials(trials, maximize=True)) == [4, 2, 6, 0, 1, 3]
    assert numbers(top_trials(trials, maximize=False)) == [4, 0, 2, 6, 1, 3]


def test_only_so_many_trials_are_shown() -> None:
    trials = [trial_answer(index, value=index / 100) for index in range(50)]
    assert numbers(top_trials(trials, maximize=True)) == list(range(49, 49 - NUM_TOP_TRIALS, -1))


def test_the_progress_tells_the_reason() -> None:
    pending = sweep_answer(SweepState.PENDING, finished=0).model_copy(
        update={"best": None, "reason": "no worker is here yet"}
    )
    assert (
        progress_line(pending) == "digits-s1: PENDING (no worker is here yet), 0/4 trials, no best yet, no trials yet"
    )


def test_counts_leave_out_what_is_none() -> None:
    sweep = sweep_answer().model_copy(update={"trial_counts": {TrialState.COMPLETED: 3, TrialState.FAILED: 0}})
    assert counts_text(sweep) == "3 COMPLETED"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, 0.123456789, 1e-9, 100000.0)] == ["-", "0.12346", "1e-09", "1e+05"]


def test_an_answer_without_a_baseline() -> None:
    best = BestAnswer(trial=3, settings={"momentum": 0.9}, value=0.5, baseline=None, difference=None, warnings=[])
    assert answer_lines(best, sweep=sweep_answer()) == ["Best val_accuracy: 0.5 (trial 3)", "Settings: momentum=0.9"]


def test_a_workers_id_is_shown_whole_on_a_narrow_terminal() -> None:
    a_container = worker_answer("b782ecd3899e-6b28fe3c").model_copy(
        update={"host": "b782ecd3899e", "executor": "external", "state": "ALIVE"}
    )
    console = Console(width=80, file=StringIO(), record=True)
    console.print(workers_table([a_container], now=a_container.last_heard_at))
    assert "b782ecd3899e-6b28fe3c" in console.export_text()


def test_an_engine_is_a_line() -> None:
    plain: dict[str, object] = {"group": "a", "serial_us": None, "fused_us": None, "optimizer": "sgd", "settings": {}}
    fused = {"engine": "fused", "width": 32, "gain": 5.24, "reason": None, "batch_size": 16, "model": {"kind": "mlp"}}
    serial = {"engine": "serial", "width": 1, "gain": None, "reason": "too large", "batch_size": "full", "model": None}
    engines = [EngineAnswer.model_validate(plain | one) for one in (fused, serial)]
    assert engine_lines(sweep_answer().model_copy(update={"engines": engines})) == [
        "Engine of batch_size 16, sgd, mlp: fused, 32 at a time, 5.2 times as fast stacked",
        "Engine of batch_size full, sgd: serial (too large)",
    ]
    narrow = EngineAnswer.model_validate(plain | fused | {"width": 4, "reason": "memory ran out with 16"})
    assert engine_lines(sweep_answer().model_copy(update={"engines": [narrow]})) == [
        "Engine of batch_size 16, sgd, mlp: fused, 4 at a time, 5.2 times as fast stacked (memory ran out with 16)"
    ]


def test_why_trials_are_serial_is_a_line_for_each_reason() -> None:
    reasons = {4: "too large", 1: "too early", 0: "too early", 3: None}
    trials = [trial_answer(one).model_copy(update={"engine_reason": reason}) for one, reason in reasons.items()]
    assert serial_lines(trials) == ["Serial: 0, 1 (too early)", "Serial: 4 (too large)"]


def test_a_precision_that_was_chosen_is_a_line() -> None:
    sweep = sweep_answer()
    assert precision_lines(sweep) == []
    chosen = sweep.spec.model_copy(update={"precision": "bfloat16"})
    assert precision_lines(sweep.model_copy(update={"spec": chosen})) == ["Precision: bfloat16"]
