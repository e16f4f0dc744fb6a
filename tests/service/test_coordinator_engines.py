"""`engine: auto`: serial until a probe has spoken, and then as it said, for the rest of the sweep."""

import pytest

from service.coordination.groups import UNCOMPARED
from service.stores import sweeps
from service.views import sweep_answers, trial_answers
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.probing_house import FUSED, LARGE, SERIAL, SMALL, create, known, told, until_probed, wide
from trainer.config import MlpModel
from trainer.task import Probe


def test_trials_are_serial_until_the_probe_of_their_group_has_spoken(coordinator_house: CoordinatorHouse) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, SMALL, SMALL)
    worker = wide(coordinator_house)
    handed = worker.take(40)
    assert [(one.engine, one.width) for one in handed] == [("serial", 1)] * 2
    assert worker.tasks == []  # before a report nobody is kept from training
    (task,) = worker.say(reports=worker.reports(handed[0].attempt, last=1)).tasks
    assert isinstance(task.body, Probe)
    assert (task.body.settings, task.body.problem) == (handed[0].settings, handed[0].problem)
    assert (task.body.seed, task.body.metric, task.body.most_rows) == (handed[0].seed, handed[0].metric, 32)
    more = told(worker, FUSED, task=task, want=2)
    assert [(one.engine, one.width) for one in more] == [("fused", 24)] * 2
    assert [one.engine for one in coordinator_house.trials(sweep)] == ["serial"] * 2 + ["fused"] * 2


def test_what_the_probe_found_is_stored(coordinator_house: CoordinatorHouse) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, problem={"dataset": "digits", "model": {"kind": "mlp"}})
    worker = wide(coordinator_house)
    told(worker, FUSED, task=until_probed(worker))
    (found,) = known(coordinator_house, sweep)
    assert (found.engine, found.width, found.gain, found.reason) == ("fused", 24, 10.0, None)
    assert (found.serial_us, found.fused_us) == (230.0, 23.0)
    assert (found.traits.batch_size, found.traits.optimizer, found.traits.model) == (16, "sgd", MlpModel())
    with coordinator_house.database.read() as connection:
        (seen,) = sweep_answers(connection, [coordinator_house.sweep(sweep)], now=0.0, mlflow_url="")
    (shown,) = seen.engines
    assert (shown.group, shown.batch_size, shown.optimizer, shown.model) == (found.group_id, 16, "sgd", MlpModel())
    assert (shown.engine, shown.width, shown.gain, shown.serial_us, shown.reason) == ("fused", 24, 10.0, 230.0, None)
    with coordinator_house.database.write() as connection:
        sweeps.remove(connection, sweep)
    assert known(coordinator_house, sweep) == []


@pytest.mark.parametrize("engine", ["serial", "fused"])
def test_who_chooses_by_hand_needs_no_probe(coordinator_house: CoordinatorHouse, engine: str) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, engine=engine)
    worker = wide(coordinator_house)
    handed = worker.take(2)
    assert {(one.engine, one.width) for one in handed} == {(engine, 32 if engine == "fused" else 1)}
    worker.say(reports=worker.reports(handed[0].attempt, last=1))
    assert (worker.tasks, known(coordinator_house, sweep)) == ([], [])


@pytest.mark.parametrize(("said", "precision"), [({}, "float32"), ({"precision": "bfloat16"}, "bfloat16")])
def test_trials_and_probes_have_the_precision_of_their_sweep(
    coordinator_house: CoordinatorHouse, said: dict[str, str], precision: str
) -> None:
    create(coordinator_house, SMALL, SMALL, SMALL, **said)
    worker = wide(coordinator_house)
    handed = worker.take(2)
    assert {one.precision for one in handed} == {precision}
    (task,) = worker.say(reports=worker.reports(handed[0].attempt, last=1)).tasks
    assert isinstance(task.body, Probe)
    assert task.body.precision == precision
    (stacked,) = told(worker, FUSED, task=task, want=1)
    assert (stacked.engine, stacked.precision) == ("fused", precision)


def test_all_attempts_of_a_trial_have_one_engine(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, SMALL, limits={"attempts": 3})
    worker = wide(coordinator_house)
    first, second = worker.take(2)
    worker.start(second.attempt)
    (task,) = worker.say(reports=worker.reports(first.attempt, last=1)).tasks
    told(worker, FUSED, task=task)
    worker.end(second.attempt, "FAILED")
    again = [one for one in worker.take(5) if one.trial == second.trial]
    assert [(one.engine, one.width) for one in again] == [("serial", 1)]


def reasons(house: CoordinatorHouse, sweep: str) -> list[tuple[str | None, str | None]]:
    """The engine of each trial as the API shows it, and why it is serial."""
    with house.database.read() as connection:
        shown = trial_answers(connection, house.trials(sweep), sweep_id=sweep)
    return [(one.engine, one.engine_reason) for one in shown]


def test_a_serial_trial_says_why(coordinator_house: CoordinatorHouse) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, LARGE, LARGE, LARGE, SMALL)
    worker = wide(coordinator_house)
    small = until_probed(worker)
    assert reasons(coordinator_house, sweep)[:2] == [("serial", UNCOMPARED)] * 2
    told(worker, SERIAL, task=small)
    for attempt in list(worker.hand):
        worker.finish(attempt)
    worker.work(max_trials=2)  # the probe of the other group comes with one of the answers
    told(worker, FUSED, task=worker.tasks[-1])
    worker.take(5)
    assert reasons(coordinator_house, sweep)[:6] == [
        *[("serial", UNCOMPARED)] * 4,  # whatever was found afterwards
        ("fused", None),
        ("serial", "not 1.2 times as fast"),
    ]


def test_what_was_chosen_by_hand_needs_no_reason(coordinator_house: CoordinatorHouse) -> None:
    sweep = create(coordinator_house, SMALL, SMALL, engine="serial")
    wide(coordinator_house).take(1)
    assert reasons(coordinator_house, sweep)[0] == ("serial", None)


def test_in_a_sweep_with_stacks_trials_wait_for_the_engine_of_their_group(coordinator_house: CoordinatorHouse) -> None:
    create(coordinator_house, SMALL, SMALL, LARGE, LARGE, LARGE, SMALL)
    worker = wide(coordinator_house)
    small = until_probed(worker)
    told(worker, FUSED, task=small)
    handed = worker.take(4)
    # What fits the worker's stack comes first; two of the other kind are handed out, and then its probe is due.
    assert [(one.trial, one.engine) for one in handed][:3] == [(5, "fused"), (2, "serial"), (3, "serial")]
    assert 4 not in {one.trial for one in handed}
    (large,) = worker.say().tasks or worker.tasks[-1:]
    assert [(one.trial, one.engine) for one in told(worker, FUSED, task=large, want=1)] == [(4, "fused")]


def test_a_trial_does_not_wait_for_long_nor_for_a_worker_with_nothing_to_do(
    coordinator_house: CoordinatorHouse,
) -> None:
    create(coordinator_house, SMALL, SMALL, LARGE, LARGE, LARGE, LARGE)
    worker = wide(coordinator_house)
    told(worker, FUSED, task=until_probed(worker))
    handed = worker.take(1) + worker.take(1)
    assert [(one.trial, one.engine) for one in handed] == [(2, "serial"), (3, "serial")]
    idle = wide(coordinator_house, "w2")
    assert [(one.trial, one.engine) for one in idle.take()] == [(4, "serial")]
    assert 5 not in {one.trial for one in worker.take(2)}
    coordinator_house.pass_time(11)
    assert 5 in {one.trial for one in worker.take(2)}
