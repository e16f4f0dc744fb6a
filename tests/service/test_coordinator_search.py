"""A search that raises what nobody foresaw ends its own sweep; the others, and their worker, don't hear of it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from service.coordination.coordinator import Coordinator
from service.errors import Conflict
from service.schemas import Extension
from sweeps.records import Proposal, Told
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.report import Verdict
from trainer.settings import Setting

SICK = "sick"
FAULT = KeyError("what nobody foresaw")


class Sick(Scheduler):
    """The search of the sweep SICK raises in the step that `raises_in` names; others are as they should be."""

    raises_in = ""

    def __init__(self, spec: SweepSpec, **rest: Any) -> None:
        self._is_sick = spec.name == SICK
        self._raise_in("rebuild")
        super().__init__(spec, **rest)

    def propose(self, fixed: Mapping[str, Setting] | None = None) -> Proposal | None:
        self._raise_in("propose")
        return super().propose(fixed)

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        self._raise_in("report")
        return super().report(number, epoch=epoch, value=value)

    def tell(self, number: int, *, state: TrialState, values: Mapping[int, float | None]) -> Told:
        self._raise_in("tell")
        return super().tell(number, state=state, values=values)

    def promote(self) -> int | None:
        self._raise_in("promote")
        return super().promote()

    def _raise_in(self, step: str) -> None:
        if self._is_sick and self.raises_in == step:
            raise FAULT


@pytest.fixture
def kind() -> type[Sick]:
    """Searches of this test alone: `raises_in` is set on the class, as rebuilt ones must know of it too."""
    return type("SickHere", (Sick,), {})


@pytest.fixture
def house(tmp_path: Path, database_url: str, kind: type[Sick]) -> Iterator[CoordinatorHouse]:
    house = CoordinatorHouse(tmp_path, database_url=database_url, make_scheduler=kind)
    yield house
    house.database.close()


def worker_of(coordinator: Coordinator) -> ScriptedWorker:
    return ScriptedWorker(coordinator, slots=4)


def assert_failed(house: CoordinatorHouse, sweep: str) -> None:
    after = house.sweep(sweep)
    assert after.state is SweepState.FAILED
    assert after.reason is not None
    assert after.reason.startswith("the search failed (KeyError: 'what nobody foresaw'): start a new sweep")
    assert not set(house.states(sweep)) & {TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED}


@pytest.mark.parametrize("step", ["propose", "report", "tell", "promote"])
def test_a_search_that_raises_ends_its_sweep_alone(house: CoordinatorHouse, kind: type[Sick], step: str) -> None:
    sick, healthy = house.create(name=SICK), house.create(name="healthy")
    worker = worker_of(house.coordinator)
    begun = worker.take(2)
    worker.start()
    worker.say()
    assert {one.sweep for one in begun} == {sick, healthy}
    kind.raises_in = step
    reports = [report for one in begun for report in worker.reports(one.attempt)]
    answer = worker.say(want=3, reports=reports)
    assert {one.sweep for one in answer.assignments} == {healthy}
    assert_failed(house, sick)
    for one in answer.assignments:
        worker.finish(one.attempt)
    worker.work()
    assert house.states(healthy) == [TrialState.COMPLETED] * 4
    assert house.trial(sick).state is TrialState.COMPLETED, "what was reported to the end stays"


def test_its_running_trials_are_cancelled_and_stopped(house: CoordinatorHouse, kind: type[Sick]) -> None:
    sick = house.create(name=SICK)
    worker = worker_of(house.coordinator)
    first, second = worker.take(2)
    worker.start()
    worker.say()
    kind.raises_in = "report"
    worker.say(reports=worker.reports(first.attempt, last=1))
    assert_failed(house, sick)
    assert house.states(sick) == [TrialState.CANCELLED] * 2
    stopped = worker.say()
    assert {one.attempt for one in stopped.answers if one.verdict is Verdict.STOP} == {first.attempt, second.attempt}
    assert worker.hand == {}
    assert len(house.epochs(sick)) == 1
    house.restart()
    assert_failed(house, sick)


def test_a_search_that_cannot_be_rebuilt_keeps_nobody_from_starting(house: CoordinatorHouse, kind: type[Sick]) -> None:
    sick, healthy = house.create(name=SICK), house.create(name="healthy")
    kind.raises_in = "rebuild"
    coordinator = house.restart()
    worker = worker_of(coordinator)
    assert len(worker.work()) == 4
    assert_failed(house, sick)
    assert house.sweep(healthy).state is SweepState.COMPLETED


def test_a_new_sweep_whose_search_cannot_begin_says_so_at_once(house: CoordinatorHouse, kind: type[Sick]) -> None:
    for kind.raises_in in ("rebuild", "propose"):
        assert_failed(house, house.create(name=SICK, first=["baseline"]))


def test_a_completed_sweep_that_cannot_be_rebuilt_stays_completed(house: CoordinatorHouse, kind: type[Sick]) -> None:
    sick = house.create(name=SICK, trials=2)
    worker_of(house.coordinator).work()
    kind.raises_in = "rebuild"
    with pytest.raises(Conflict, match="stays as it is: the search failed"):
        house.coordinator.extend(sick, by=Extension(trials=2))
    house.coordinator.tick()
    after = house.sweep(sick)
    assert (after.state, after.budget_trials) == (SweepState.COMPLETED, 2)
    kind.raises_in = ""
    house.coordinator.extend(sick, by=Extension(trials=2))
    worker = ScriptedWorker(house.coordinator, name="w2")
    assert len(worker.work()) == 2


def test_settings_of_a_user_on_which_the_search_raises(house: CoordinatorHouse, kind: type[Sick]) -> None:
    sick = house.create(name=SICK)
    kind.raises_in = "propose"
    with pytest.raises(Conflict, match="The sweep ends: the search failed"):
        house.coordinator.try_settings(sick, settings={})
    house.coordinator.tick()
    assert_failed(house, sick)


def test_a_sweep_under_way_can_still_be_cancelled_by_its_user(house: CoordinatorHouse, kind: type[Sick]) -> None:
    sick = house.create(name=SICK)
    worker = worker_of(house.coordinator)
    worker.take(2)
    kind.raises_in = "tell"
    house.coordinator.change(sick, verb="cancel")
    worker.say()
    worker.say()
    house.coordinator.tick()
    assert house.sweep(sick).state is SweepState.CANCELLED
    assert house.states(sick) == [TrialState.CANCELLED] * 2
