"""The worker parent as a process, against a scripted service and with a scripted child."""

import subprocess
import sys

from tests.service.scripted_service import ScriptedService
from tests.service.workers import assignment, epochs_told, reported, running_worker
from trainer.report import Answer, Verdict


def test_trials_flow_through(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(*(assignment(attempt, "quick") for attempt in range(1, 6)))
    with running_worker(worker_variables):
        service.until(lambda it: len(it.told("reports")) == 15)
    assert [epochs_told(service, attempt) for attempt in range(1, 6)] == [[1, 2, 3]] * 5
    assert [exchange.number for exchange in service.exchanges] == list(range(1, len(service.exchanges) + 1))
    assert all(exchange.answered == exchange.number - 1 for exchange in service.exchanges)
    assert (service.exchanges[0].num_free, service.exchanges[0].num_wanted) == (1, 2)
    assert all(len(exchange.in_hand) <= 3 for exchange in service.exchanges)


def test_an_idle_worker_waits_and_starts_at_once(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    with running_worker(worker_variables):
        service.until(lambda it: it.num_waiting == 1)
        assert len(service.exchanges) == 1
        service.hand_out(assignment(1, "quick"))
        service.until(reported(1))
        service.until(lambda it: it.num_waiting == 1)


def test_what_queues_while_a_request_travels_goes_in_one_list(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.delay_seconds = 0.2
    service.hand_out(assignment(1, "burst"))
    with running_worker(worker_variables):
        service.until(lambda it: any(len(exchange.reports) >= 3 for exchange in it.exchanges))
    told = epochs_told(service, 1)
    assert told == list(range(1, len(told) + 1))
    assert service.most_at_once == 1
    late = [report for exchange in service.exchanges for report in exchange.reports[:1] if len(exchange.reports) > 2]
    assert all(report.age_seconds > 0 for report in late)


def test_an_unanswered_request_is_sent_again_unchanged(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.hand_out(assignment(1, "quick"), assignment(2, "quick"))
    service.faults.extend(["503", "drop", "503", "503", "drop"])
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
        service.until(lambda it: not it.faults)
    assert epochs_told(service, 1) == epochs_told(service, 2) == [1, 2, 3]
    assert len(service.bodies) == len(set(service.bodies)) + 5
    assert [exchange.number for exchange in service.exchanges] == list(range(1, len(service.exchanges) + 1))


def test_attempts_in_hand_are_kept_by_heartbeats(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(lambda it: sum(len(exchange.in_hand) == 2 for exchange in it.exchanges) >= 4)
    training, ahead = service.exchanges[-1].in_hand
    assert (training.attempt, training.started, ahead.attempt, ahead.started) == (1, True, 2, False)
    assert training.seconds > 1.0
    assert ahead.seconds == 0
    assert service.exchanges[-1].num_wanted == 0


def test_a_refused_attempt_is_stopped(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.refused.add(1)
    service.hand_out(assignment(1, "endless"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
    assert [held.attempt for held in service.exchanges[-1].in_hand] != [1]


def test_a_stop_frees_the_slot(service: ScriptedService, worker_variables: dict[str, str]) -> None:
    service.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.STOP)
    service.hand_out(assignment(1, "burst"), assignment(2, "quick"))
    with running_worker(worker_variables):
        service.until(reported(2, num_epochs=3))
    after = next(i for i, exchange in enumerate(service.exchanges) if exchange.reports) + 1
    assert all(held.attempt != 1 for exchange in service.exchanges[after:] for held in exchange.in_hand)
    assert all(report.attempt != 1 for exchange in service.exchanges[after:] for report in exchange.reports)


def test_a_paused_attempt_leaves_a_checkpoint_and_can_come_back(
    service: ScriptedService, worker_variables: dict[str, str]
) -> None:
    service.verdicts[1, 1] = Answer(attempt=1, epoch=1, verdict=Verdict.PAUSE)
    service.hand_out(assignment(1, "endless"))
    with running_worker(worker_variables):
        service.until(lambda it: it.told("endings"))
        (ending,) = service.told("endings")
        assert (ending.attempt, ending.state, ending.checkpoint.epoch) == (1, "PAUSED", 1)
        service.hand_out(assignment(1, "quick", checkpoint=ending.checkpoint))
        service.until(reported(1, num_epochs=4))


def test_the_parent_stays_small() -> None:
    heavy = "{'torch', 'optuna', 'mlflow', 'fastapi', 'sqlalchemy', 'numpy'}"
    loaded = f"{heavy} & set(sys.modules)"
    code = f"import sys, service.worker.worker; sys.exit(str({loaded}) if {loaded} else 0)"
    subprocess.run([sys.executable, "-c", code], check=True)
