"""What the Ray executor does when Ray drops, delays and lies."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from service.executors.ray_client import RayClient
from service.executors.ray_executor import RayExecutor
from service.executors.ray_plan import RayPlan, owner_of, ray_plan
from service.settings import Settings
from tests.contracts.executor_houses import ray_plan_of, wait_until, watch, witness_of
from tests.service.scripted_ray import TOKEN, RayScript, scripted_ray

PACE = 0.02
TIMEOUT = httpx.Timeout(0.3)
MINE = "mine"


@pytest.fixture
def script() -> RayScript:
    return RayScript()


@pytest.fixture
def begin(script: RayScript) -> Iterator[Callable[..., RayExecutor]]:
    """Starts executors on that Ray, stopped at the end."""
    with ExitStack() as stack:
        address = stack.enter_context(scripted_ray(script))

        def begin(plan: RayPlan, *, heard: set[str] | None = None, believed: tuple[str, ...] = ()) -> RayExecutor:
            client = RayClient(address, token=TOKEN, timeout=TIMEOUT)
            witness = witness_of(heard or set())
            executor = RayExecutor(plan, client=client, witness=witness, believed=believed, pace=PACE)
            stack.callback(executor.stop)
            return executor

        yield begin
        script.delay_seconds = 0.0


def submitted(script: RayScript) -> int:
    return sum(asked.method == "POST" and asked.path == "/api/jobs/" for asked in script.asked)


def looks(script: RayScript) -> int:
    return sum(asked.method == "GET" and "Authorization" not in asked.headers for asked in script.asked)


def after_looks(script: RayScript, num: int = 4) -> Callable[[], bool]:
    """So many rounds later."""
    wanted = looks(script) + num
    return lambda: looks(script) >= wanted


def test_it_grows_with_the_queue_up_to_what_the_cluster_holds(
    script: RayScript, begin: Callable[..., RayExecutor]
) -> None:
    executor = begin(ray_plan_of(0, owner=MINE))
    watch(executor, num_wanted=0, until=lambda: executor.outlook().num_workers == 2)
    assert script.jobs == {}
    watch(executor, num_wanted=1, until=lambda: len(script.living()) == 1)
    watch(executor, num_wanted=9, until=lambda: len(script.living()) == 2)
    script.nodes.append({"CPU": 3.0})
    watch(executor, num_wanted=9, until=lambda: len(script.living()) == 5)
    assert submitted(script) == 5


def test_those_without_room_make_no_storm(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    script.num_rooms = 1
    executor = begin(ray_plan_of(30, owner=MINE))
    watch(executor, num_wanted=30, until=lambda: len(script.jobs) == 30)
    watch(executor, num_wanted=30, until=after_looks(script))
    assert submitted(script) == 30


def test_a_cluster_without_room_says_so(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    script.nodes = [{"CPU": 0.5}]
    executor = begin(ray_plan_of(0, owner=MINE))
    wait_until(lambda: "No node of the Ray cluster has room" in str(executor.outlook().trouble))


def test_a_submission_whose_answer_is_lost_is_made_once(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    executor = begin(ray_plan_of(2, owner=MINE))
    watch(executor, num_wanted=0, until=after_looks(script))
    script.loses_answers = True
    watch(executor, num_wanted=2, until=lambda: executor.outlook().trouble is not None)
    script.loses_answers = False
    watch(executor, num_wanted=2, until=lambda: len(script.living()) == 2)
    watch(executor, num_wanted=2, until=after_looks(script))
    assert len(script.jobs) == 2


@pytest.mark.parametrize(("fault", "trouble"), [("is_away", "cannot be reached"), ("delay_seconds", "timed out")])
def test_a_head_that_is_away_costs_time_only(
    script: RayScript, begin: Callable[..., RayExecutor], fault: str, trouble: str
) -> None:
    executor = begin(ray_plan_of(1, owner=MINE))
    watch(executor, num_wanted=1, until=lambda: len(script.living()) == 1)
    setattr(script, fault, 1)
    begun = time.monotonic()
    gone = watch(executor, num_wanted=5, until=lambda: trouble in str(executor.outlook().trouble))
    assert max(_durations(executor)) < 0.1
    assert time.monotonic() - begun < 5
    setattr(script, fault, 0)
    gone += watch(executor, num_wanted=5, until=lambda: executor.outlook().trouble is None)
    assert gone == []
    assert len(script.jobs) == 1


def _durations(executor: RayExecutor) -> Iterator[float]:
    for _ in range(20):
        begun = time.monotonic()
        executor.ensure(num_wanted=5)
        executor.outlook()
        yield time.monotonic() - begun


def test_a_head_that_came_back_without_asking_for_a_token_gets_nothing(
    script: RayScript, begin: Callable[..., RayExecutor]
) -> None:
    executor = begin(ray_plan_of(5, owner=MINE))
    watch(executor, num_wanted=1, until=lambda: len(script.living()) == 1)
    script.asks_token = False
    # More are wanted only now: a round that had found all well would still begin them.
    watch(executor, num_wanted=1, until=lambda: "without a token" in str(executor.outlook().trouble))
    script.asked.clear()
    watch(executor, num_wanted=5, until=after_looks(script))
    assert not [asked for asked in script.asked if "Authorization" in asked.headers]
    assert len(script.jobs) == 1


def test_one_that_ray_forgets_and_that_speaks_is_kept(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    heard: set[str] = set()
    executor = begin(ray_plan_of(1, owner=MINE), heard=heard)
    watch(executor, num_wanted=1, until=lambda: len(script.living()) == 1)
    script.forgotten |= script.living()
    assert watch(executor, num_wanted=1, until=after_looks(script)) == []
    assert submitted(script) == 1


def test_one_that_ray_calls_ended_is_told_once_replaced_and_stopped(
    script: RayScript, begin: Callable[..., RayExecutor]
) -> None:
    executor = begin(ray_plan_of(1, owner=MINE))
    watch(executor, num_wanted=1, until=lambda: len(script.living()) == 1)
    (first,) = script.living()
    script.lies[first] = "SUCCEEDED"
    gone = watch(executor, num_wanted=1, until=lambda: len(script.jobs) == 2)
    script.lies.clear()
    gone += watch(executor, num_wanted=1, until=lambda: first not in script.living())
    assert [one.worker for one in gone] == [first]
    assert len(script.living()) == 1


def test_jobs_of_others_are_left_alone(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    for name, owner in (("theirs", "another"), ("ray-orphan", MINE)):
        script.jobs[name] = {"status": "RUNNING", "metadata": {"ravine": owner}}
    executor = begin(ray_plan_of(1, owner=MINE))
    watch(executor, num_wanted=1, until=lambda: len(script.jobs) == 3)
    wait_until(lambda: "ray-orphan" not in script.living())
    executor.stop()
    assert script.living() == {"theirs"}


def test_ended_jobs_of_ours_do_not_pile_up(script: RayScript, begin: Callable[..., RayExecutor]) -> None:
    for number in range(130):
        job = {"status": "SUCCEEDED", "metadata": {"ravine": MINE}, "end_time": number}
        script.jobs[f"ray-{number}"] = job
    script.jobs["theirs"] = {"status": "FAILED", "metadata": None}
    begin(ray_plan_of(1, owner=MINE))
    wait_until(lambda: len(script.jobs) == 101)
    assert {"theirs", "ray-30", "ray-129"} <= script.jobs.keys()


def test_code_and_problems_are_sent_once_and_no_secret_ever(
    script: RayScript, begin: Callable[..., RayExecutor], tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text("")
    (tmp_path / "join-token").write_text("join-secret")
    given = {"home": tmp_path, "problems": (str(tmp_path / "own.py"),), "token": "user-secret"}
    plan = ray_plan(Settings.model_validate(given), owner=owner_of("join-secret"))
    assert plan.package is not None
    executor = begin(plan)
    watch(executor, num_wanted=0, until=lambda: len(script.jobs) == 1)  # one, so that its problems become known
    watch(executor, num_wanted=2, until=lambda: len(script.jobs) == 2)
    assert [asked.path.rpartition("/")[2] for asked in script.asked if asked.method == "PUT"] == [plan.package.name]
    assert all(job["request"]["runtime_env"]["working_dir"] == plan.package.uri for job in script.jobs.values())
    everything = b"".join(asked.path.encode() + asked.body for asked in script.asked)
    assert not [secret for secret in (b"user-secret", b"join-secret", TOKEN.encode()) if secret in everything]
