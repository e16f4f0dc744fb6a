"""A worker process with many rows in training, against a scripted service and with a scripted child."""

from pathlib import Path

import pytest

from tests.service.scripted_child import LOOK_SECONDS
from tests.service.scripted_service import ScriptedService
from tests.service.workers import assignment, environment, epochs_told, running_worker

NUM_ROWS = 16
EPOCHS = 30


@pytest.fixture
def variables(service: ScriptedService, tmp_path: Path) -> dict[str, str]:
    """The environment of a worker with many slots."""
    return environment(service.url, home=tmp_path, slots=NUM_ROWS)


def hand_out_crowd(service: ScriptedService, *, num_trials: int) -> None:
    crowd = (assignment(attempt, "crowd", epochs=EPOCHS) for attempt in range(1, num_trials + 1))
    service.hand_out(*(one.model_copy(update={"rungs": ()}) for one in crowd))


def test_rows_train_on_while_a_request_travels_and_the_next_holds_what_all_of_them_said(
    service: ScriptedService, variables: dict[str, str]
) -> None:
    service.delay_seconds = 10 * LOOK_SECONDS
    hand_out_crowd(service, num_trials=NUM_ROWS)
    with running_worker(variables):
        service.until(lambda it: len(it.told("reports")) == NUM_ROWS * EPOCHS)
    assert [epochs_told(service, attempt) for attempt in range(1, NUM_ROWS + 1)] == [
        list(range(1, EPOCHS + 1))
    ] * NUM_ROWS
    assert service.most_at_once == 1
    full = [exchange for exchange in service.exchanges if len({one.attempt for one in exchange.reports}) == NUM_ROWS]
    assert any(len(exchange.reports) >= 4 * NUM_ROWS for exchange in full)
    assert len([exchange for exchange in service.exchanges if exchange.reports]) <= EPOCHS / 4


def test_a_full_house_and_a_quarter_more_flow_through(service: ScriptedService, variables: dict[str, str]) -> None:
    hand_out_crowd(service, num_trials=3 * NUM_ROWS)
    with running_worker(variables):
        service.until(lambda it: len(it.told("reports")) == 3 * NUM_ROWS * EPOCHS)
    first = service.exchanges[0]
    assert (first.num_free, first.num_wanted) == (NUM_ROWS, NUM_ROWS + NUM_ROWS // 4)
    assert service.exchanges[-1].num_wanted <= NUM_ROWS + NUM_ROWS // 4


def test_a_suspect_has_the_child_to_itself(service: ScriptedService, variables: dict[str, str]) -> None:
    innocent = [assignment(attempt, "crowd", epochs=EPOCHS) for attempt in range(1, 4)]
    alone = assignment(9, "deadly").model_copy(update={"alone": True})
    service.hand_out(*innocent, alone)
    with running_worker(variables):
        service.until(lambda it: it.told("deaths"))
    (death,) = service.told("deaths")
    assert (death.attempts, death.how, death.code) == ((9,), "exit", 3)
    assert [epochs_told(service, attempt)[-1] for attempt in (1, 2, 3)] == [EPOCHS] * 3


def test_rows_that_die_together_are_named_together(service: ScriptedService, variables: dict[str, str]) -> None:
    service.hand_out(*(assignment(attempt, "crowd", epochs=EPOCHS) for attempt in range(1, 4)), assignment(9, "deadly"))
    with running_worker(variables):
        service.until(lambda it: it.told("deaths"))
    (death,) = service.told("deaths")
    assert sorted(death.attempts) == [1, 2, 3, 9]
