"""Budgets in trials and seconds, how many are in flight, and fair shares between sweeps."""

import pytest

from service.errors import Conflict
from service.schemas import Extension
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.report import Verdict


def test_the_budget_of_trials_is_a_total_across_restarts(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=5)
    for _ in range(8):
        coordinator_worker.work(max_trials=1)
        coordinator_worker.coordinator = coordinator_house.restart()
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.reason, after.trials_finished) == (SweepState.COMPLETED, "budget.trials spent", 5)
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED] * 5


def test_a_grid_ends_when_every_point_was_tried(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    space = {"momentum": {"choices": [0.1, 0.5]}, "batch_size": {"choices": [16, 32]}}
    sweep = coordinator_house.create(trials=50, space=space, sampler={"kind": "grid"})
    coordinator_worker.work(max_trials=2)
    coordinator_worker.coordinator = coordinator_house.restart()
    assert len(coordinator_worker.work()) == 2
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.reason) == (SweepState.COMPLETED, "every point of the grid was tried")
    assert len({str(one.settings) for one in coordinator_house.trials(sweep)}) == 4


def test_seconds_end_running_trials_at_their_next_report(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=50, budget={"seconds": 10})
    running = coordinator_worker.take_and_start()
    (ahead,) = coordinator_worker.take()
    coordinator_house.pass_time(9)
    assert coordinator_house.sweep(sweep).state is SweepState.RUNNING
    coordinator_house.pass_time(2)
    assert coordinator_house.states(sweep) == [TrialState.RUNNING, TrialState.CANCELLED]
    answer = coordinator_worker.say(want=2, reports=coordinator_worker.reports(running.attempt, last=1))
    assert {(one.attempt, one.verdict) for one in answer.answers} == {
        (running.attempt, Verdict.STOP),
        (ahead.attempt, Verdict.STOP),
    }
    assert answer.assignments == ()
    trials = coordinator_house.trials(sweep)
    assert [(one.state, one.reason) for one in trials] == [(TrialState.CANCELLED, "budget")] * 2
    assert len(coordinator_house.epochs(sweep)) == 1
    after = coordinator_house.sweep(sweep)
    assert (after.state, after.reason) == (SweepState.COMPLETED, "budget.seconds spent")
    assert coordinator_house.coordinator.extend(sweep, by=Extension(seconds=60)).state is SweepState.RUNNING
    assert len(coordinator_worker.take()) == 1


def test_seconds_spent_end_a_sweep_whose_worker_fell_silent(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(budget={"seconds": 30})
    coordinator_worker.take_and_start()
    coordinator_house.pass_time(61)
    assert coordinator_house.states(sweep) == [TrialState.CANCELLED]
    assert coordinator_house.sweep(sweep).state is SweepState.COMPLETED


def test_a_trial_that_ends_by_itself_when_the_seconds_are_spent_is_completed(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(epochs=1, budget={"seconds": 10})
    running = coordinator_worker.take_and_start()
    coordinator_house.pass_time(11)
    coordinator_worker.finish(running.attempt)
    assert coordinator_house.states(sweep) == [TrialState.COMPLETED]


@pytest.mark.parametrize(("parallel", "num_handed"), [(1, 1), (3, 3), (64, 10)])
def test_parallel_limits_what_is_in_flight(coordinator_house: CoordinatorHouse, parallel: int, num_handed: int) -> None:
    coordinator_house.create(trials=10, budget={"parallel": parallel}, engine="fused")
    workers = [ScriptedWorker(coordinator_house.coordinator, f"w{n}", slots=8) for n in range(2)]
    handed = [len(worker.take(16)) for worker in workers]
    assert sum(handed) == num_handed
    running = next(iter(workers[0].hand))
    answer = workers[0].say(want=16, reports=workers[0].reports(running))
    assert len(answer.assignments) == min(1, 10 - num_handed)


@pytest.mark.parametrize(
    ("trials", "num_workers", "slots", "num_handed"),
    [(60, 2, 32, 6), (10, 2, 32, 2), (1000, 2, 32, 64), (100, 4, 1, 4), (5, 8, 1, 5)],
)
def test_auto_is_a_tenth_of_the_trials_between_workers_and_slots(
    coordinator_house: CoordinatorHouse, trials: int, num_workers: int, slots: int, num_handed: int
) -> None:
    coordinator_house.create(trials=trials, budget={"parallel": "auto"}, engine="fused")
    coordinator = coordinator_house.coordinator
    workers = [ScriptedWorker(coordinator, f"w{n}", slots=slots) for n in range(num_workers)]
    assert sum(len(worker.take(2 * slots)) for worker in workers) == num_handed


def test_settings_that_wait_are_handed_out_before_new_ones(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(trials=9, budget={"parallel": 1})
    coordinator_worker.take_and_start()
    coordinator_house.coordinator.try_settings(sweep, settings={"momentum": 0.5})
    assert coordinator_worker.take() == []
    coordinator_worker.finish(next(iter(coordinator_worker.hand)))
    assert [one.trial for one in coordinator_worker.take()] == [1]


def test_a_pending_sweep_says_why(coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker) -> None:
    busy, waiting = coordinator_house.create(), coordinator_house.create()
    assert coordinator_house.sweep(waiting).reason == "all workers are busy"
    coordinator_worker.take()
    assert coordinator_house.sweep(busy).reason is None
    coordinator_house.coordinator.worker_gone("w1", how="killed")
    coordinator_house.coordinator.tick()
    assert coordinator_house.sweep(waiting).reason == "no worker is here yet"


class Simulation:
    """Workers of one slot that train on the clock of the house; `lengths` are the seconds of an epoch by sweep."""

    def __init__(self, house: CoordinatorHouse, *, num_workers: int, lengths: dict[str, float]) -> None:
        self.house, self.lengths = house, lengths
        self.workers = [ScriptedWorker(house.coordinator, f"w{n}") for n in range(num_workers)]
        self.epochs: dict[int, int] = {}
        self.worker_seconds = dict.fromkeys(lengths, 0.0)

    def run(self, *, seconds: int, step: float = 0.25) -> None:
        """Lets time pass in small steps, in each of which every worker speaks."""
        for _ in range(round(seconds / step)):
            self.house.database.seconds += step
            for worker in self.workers:
                self._advance(worker, step=step)

    def _advance(self, worker: ScriptedWorker, *, step: float) -> None:
        reports = []
        if worker.hand:
            attempt, assignment = next(iter(worker.hand.items()))
            self.worker_seconds[assignment.sweep] += step
            spent = worker.seconds.get(attempt, 0.0) + step
            worker.seconds[attempt] = spent
            epoch = self.epochs.get(attempt, 0)
            if spent >= (epoch + 1) * self.lengths[assignment.sweep] - 1e-9:
                self.epochs[attempt] = epoch + 1
                reports.append(worker.report(attempt, epoch + 1, seconds=spent))
        worker.say(want=2 - len(worker.hand), reports=tuple(reports))


@pytest.mark.parametrize("lengths", [(0.25, 3.0), (3.0, 0.25), (10.0, 0.5), (7.5, 7.5)])
def test_two_sweeps_get_equal_worker_seconds(coordinator_house: CoordinatorHouse, lengths: tuple[float, float]) -> None:
    one, two = (coordinator_house.create(trials=1000, budget={"parallel": "auto"}) for _ in lengths)
    simulation = Simulation(coordinator_house, num_workers=2, lengths=dict(zip((one, two), lengths, strict=True)))
    simulation.run(seconds=60)
    least, most = sorted(simulation.worker_seconds.values())
    assert most <= 1.2 * least


@pytest.mark.parametrize("how", ["created", "resumed", "extended"])
def test_whoever_comes_late_does_not_get_what_the_others_had_before(
    coordinator_house: CoordinatorHouse, how: str
) -> None:
    early = coordinator_house.create(trials=1000)
    simulation = Simulation(coordinator_house, num_workers=2, lengths={early: 1.0})
    if how == "created":
        simulation.run(seconds=60)
        late = coordinator_house.create(trials=1000)
    else:
        late = coordinator_house.create(trials=1000 if how == "resumed" else 1)
        simulation.lengths[late], simulation.worker_seconds[late] = 1.0, 0.0
        simulation.run(seconds=6)
        if how == "resumed":
            coordinator_house.coordinator.change(late, verb="pause")
        simulation.run(seconds=60)
        if how == "resumed":
            coordinator_house.coordinator.change(late, verb="resume")
        else:
            coordinator_house.coordinator.extend(late, by=Extension(trials=1000))
    simulation.lengths[late] = 1.0
    simulation.worker_seconds = {early: 0.0, late: 0.0}
    simulation.run(seconds=40)
    least, most = sorted(simulation.worker_seconds.values())
    assert most <= 1.3 * least


def test_seconds_without_a_service_are_not_spent(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(budget={"seconds": 100})
    coordinator_worker.take_and_start()
    coordinator_house.pass_time(30)
    coordinator_worker.say()
    coordinator_house.database.seconds += 8 * 3600  # the machine was off over night
    coordinator_house.restart()
    coordinator_house.pass_time(1)
    assert coordinator_house.sweep(sweep).state is SweepState.RUNNING
    assert coordinator_house.sweep(sweep).seconds_running(now=coordinator_house.database.seconds) == pytest.approx(31)


def test_a_stopping_sweep_does_not_wait_for_trials_that_have_no_time_left(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create(budget={"seconds": 20})
    coordinator_worker.take_and_start()
    coordinator_house.pass_time(21)
    coordinator_house.coordinator.change(sweep, verb="stop")
    coordinator_house.coordinator.worker_gone(coordinator_worker.name, how="killed")
    assert coordinator_house.states(sweep) == [TrialState.CANCELLED]
    assert coordinator_house.sweep(sweep).state is SweepState.STOPPED


def test_settings_that_are_no_point_of_a_grid_do_not_end_it(coordinator_house: CoordinatorHouse) -> None:
    space = {"batch_size": {"low": 16, "high": 48, "step": 16, "integer": True}}
    sweep = coordinator_house.create(trials=3, space=space, sampler={"kind": "grid", "seed": 1})
    with pytest.raises(Conflict, match="point of the grid"):
        coordinator_house.coordinator.try_settings(sweep, settings={"batch_size": 32 + 1e-9})
    trial = coordinator_house.coordinator.try_settings(sweep, settings={"batch_size": 32})
    assert trial.settings == {"batch_size": 32}
