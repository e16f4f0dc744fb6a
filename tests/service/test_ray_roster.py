"""Which workers are counted on, and who is replaced when."""

import pytest

from service.executors.contract import Gone
from service.executors.ray_client import RayJob
from service.executors.ray_roster import RayRoster, Witness, how_of


class House:
    """A roster on a clock that the test moves, beside what Ray says and what was heard."""

    def __init__(self, *believed: str) -> None:
        self.now = 1000.0
        self.jobs: dict[str, RayJob] = {}
        self.heard_at: dict[str, float] = {}
        self.leases: set[str] = set()
        witness = Witness(self._silent, has_lease=lambda worker: worker in self.leases)
        self.roster = RayRoster(believed=believed, witness=witness, now=self.now)

    def _silent(self, worker: str) -> float | None:
        return self.now - self.heard_at[worker] if worker in self.heard_at else None

    def says(self, worker: str, status: str = "RUNNING", *, code: int | None = None) -> None:
        said = {"submission_id": worker, "status": status, "driver_exit_code": code}
        self.jobs[worker] = RayJob.model_validate(said)

    def look(self, *, after_seconds: float = 0.0) -> list[Gone]:
        self.now += after_seconds
        self.roster.compare(self.jobs, now=self.now)
        return self.roster.take_gone()

    def submit(self, num_wanted: int) -> list[str]:
        """Submits what is missing, and Ray takes it."""
        submitted = list(self.roster.to_submit(num_wanted, now=self.now))
        for worker in submitted:
            self.says(worker, "PENDING")
        return submitted


def test_as_many_as_are_wanted_are_submitted_once() -> None:
    house = House()
    first = house.submit(3)
    assert len(set(first)) == 3
    assert house.look() == []
    assert house.submit(3) == []
    assert len(house.submit(4)) == 1
    assert house.submit(1) == []


def test_one_whose_submission_is_in_doubt_is_submitted_again_under_its_id() -> None:
    house = House()
    (worker,) = [next(house.roster.to_submit(1, now=house.now))]  # the answer never came
    assert house.look(after_seconds=60) == []
    assert house.submit(1) == [worker]
    assert house.submit(1) == []


def test_those_without_room_count() -> None:
    house = House()
    house.submit(5)
    for _ in range(5):
        assert house.look(after_seconds=100) == []
        assert house.submit(5) == []


def test_it_is_said_that_all_wait_for_room() -> None:
    house = House()
    worker = house.submit(2)[0]
    house.look()
    assert house.roster.trouble is None
    house.look(after_seconds=11)
    assert house.roster.trouble == "No node of the Ray cluster has room for a worker now; their jobs wait."
    house.says(worker)
    house.look()
    assert house.roster.trouble is None


def test_one_that_ends_young_is_replaced_later_each_time_and_not_in_another_place() -> None:
    house = House()
    for pause_seconds in (1, 2, 4, 8, 16, 32, 60, 60):
        (worker,) = house.submit(1)
        house.says(worker)
        house.look()
        house.says(worker, "FAILED", code=2)
        assert house.look(after_seconds=3) == [Gone(worker, how="the worker exited with code 2")]
        assert house.roster.trouble == f"The worker {worker} on Ray ended soon: the worker exited with code 2."
        house.now += pause_seconds - 0.1
        assert house.submit(1) == []
        house.now += 0.2


def test_one_that_left_when_idle_is_told_once_and_replaced_when_wanted() -> None:
    house = House()
    (worker,) = house.submit(1)
    house.says(worker)
    house.look()
    house.says(worker, "SUCCEEDED", code=0)
    assert house.look(after_seconds=100) == [Gone(worker, how="the worker left")]
    assert house.look(after_seconds=1) == []
    assert house.submit(0) == []
    assert len(house.submit(1)) == 1


def test_one_that_ray_forgot_is_gone_when_it_is_silent_too() -> None:
    house = House("ray-a", "ray-b")
    house.heard_at = {"ray-a": house.now, "ray-b": house.now}
    assert house.look(after_seconds=9) == []
    house.heard_at["ray-a"] = house.now
    assert house.look(after_seconds=9) == []
    house.heard_at["ray-a"] = house.now
    assert house.look(after_seconds=2) == [Gone("ray-b", how="Ray does not know its job any more")]
    assert house.look(after_seconds=9) == [Gone("ray-a", how="Ray does not know its job any more")]


def test_one_that_ray_forgot_for_a_moment_stays() -> None:
    house = House("ray-a")
    assert house.look() == []
    house.says("ray-a")
    assert house.look(after_seconds=9) == []
    del house.jobs["ray-a"]
    assert house.look(after_seconds=9) == []
    house.says("ray-a")
    assert house.look(after_seconds=9) == []


@pytest.mark.parametrize("has_lease", [False, True])
def test_a_dead_one_that_ray_calls_running_is_given_up_with_its_lease(has_lease: bool) -> None:
    house = House("ray-a")
    house.leases = {"ray-a"} if has_lease else set()
    house.says("ray-a")
    house.heard_at["ray-a"] = house.now
    assert house.look(after_seconds=59) == []
    gone = house.look(after_seconds=2)
    assert [one.worker for one in gone] == ([] if has_lease else ["ray-a"])
    assert house.roster.to_stop(house.jobs) == ([] if has_lease else ["ray-a"])


def test_one_that_ended_by_ray_and_runs_all_the_same_is_told_once_and_stopped() -> None:
    house = House("ray-a")
    house.says("ray-a", "SUCCEEDED")
    assert [one.worker for one in house.look()] == ["ray-a"]
    house.says("ray-a")
    assert house.look() == []
    assert house.roster.to_stop(house.jobs) == ["ray-a"]


def test_jobs_of_an_earlier_service_that_nobody_believes_in_are_to_end_unless_they_speak() -> None:
    house = House()
    for worker in ("ray-silent", "ray-speaks"):
        house.says(worker)
    house.says("ray-ended", "SUCCEEDED")
    house.heard_at["ray-speaks"] = house.now
    assert house.roster.unheard(house.jobs) == ["ray-silent"]
    house.roster.settle(house.jobs, now=house.now)
    assert house.roster.to_stop(house.jobs) == ["ray-silent"]
    assert house.roster.workers == ("ray-speaks",)


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ({"status": "FAILED", "driver_exit_code": 137}, "the worker was killed by SIGKILL"),
        ({"status": "FAILED", "driver_exit_code": -15}, "the worker was killed by SIGTERM"),
        ({"status": "FAILED", "driver_exit_code": 3}, "the worker exited with code 3"),
        ({"status": "FAILED", "message": "runtime_env setup failed: no\nmore"}, "runtime_env setup failed: no"),
        ({"status": "FAILED"}, "its Ray job failed"),
        ({"status": "STOPPED"}, "its Ray job was stopped"),
    ],
)
def test_it_is_said_how_one_ended(said: dict[str, object], how: str) -> None:
    assert how_of(RayJob.model_validate({"submission_id": "ray-a", **said})) == how
