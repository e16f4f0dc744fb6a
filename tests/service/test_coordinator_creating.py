"""What is stored when a sweep is created, and when settings are posted to it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from service.errors import Conflict, InvalidRequest, NotFound
from service.schemas import Extension
from service.stores.idempotency import KEEP_SECONDS
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import SMALL, CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.facts import ProblemFacts

DEFAULT = {"problem": {"dataset": "digits"}}


def test_the_stored_spec_names_all_that_will_run(coordinator_house: CoordinatorHouse) -> None:
    created = coordinator_house.coordinator.create(DEFAULT)
    stored = coordinator_house.sweep(created.id)
    spec = stored.spec.model_dump(mode="json")
    assert stored == created
    assert (stored.state, stored.reason) == (SweepState.PENDING, "no worker is here yet")
    assert spec["name"] == f"digits-{created.id}"
    assert set(spec["space"]) == {"learning_rate", "momentum", "weight_decay", "batch_size"}
    assert spec["metric"] == {"name": "val_accuracy", "goal": "maximize"}
    assert spec["sampler"]["kind"] == "qmc"
    assert isinstance(spec["sampler"]["seed"], int)
    assert spec["pruner"] == {"kind": "asha", "min_epochs": 2, "reduction_factor": 3}
    assert spec["budget"] == {"trials": 200, "epochs": 20, "seconds": None, "parallel": "auto"}
    assert (spec["engine"], spec["seed"], spec["keep"], spec["first"]) == ("auto", 0, {"weights": 3}, ["baseline"])


def test_two_sweeps_without_a_seed_draw_different_ones(coordinator_house: CoordinatorHouse) -> None:
    seeds = {coordinator_house.coordinator.create(DEFAULT).spec.sampler.seed for _ in range(3)}
    assert len(seeds) == 3


def test_a_sweep_of_a_problem_with_a_long_name_can_be_read_again(coordinator_house: CoordinatorHouse) -> None:
    facts = ProblemFacts(name="p" * 200, kind="plugin", task="own", description="Long.", digest="a" * 64)
    ScriptedWorker(coordinator_house.coordinator).say(problems=(facts,))
    sweep = coordinator_house.coordinator.create({"problem": {"plugin": facts.name}})
    coordinator_house.restart()
    assert coordinator_house.sweep(sweep.id).name == f"{'p' * 100}-{sweep.id}"


def test_sweeps_stand_in_the_order_of_creation(coordinator_house: CoordinatorHouse) -> None:
    first, second = coordinator_house.create(), coordinator_house.create()
    coordinator_house.restart()
    third = coordinator_house.create()
    assert [coordinator_house.sweep(one).position for one in (first, second, third)] == [1, 2, 3]


def test_the_baseline_is_trial_0_and_first_settings_follow(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(first=["baseline", {"learning_rate": 0.5, "batch_size": 16}])
    baseline, second = coordinator_house.trials(sweep)
    assert baseline.settings | {"weight_decay": None} == {
        "learning_rate": 0.01, "momentum": 0.9, "weight_decay": None, "batch_size": 32,
    }  # fmt: skip
    assert (second.settings["learning_rate"], second.settings["batch_size"]) == (0.5, 16)
    assert set(second.settings) == set(baseline.settings)


def test_first_settings_count_towards_the_budget(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(trials=2, first=["baseline", {"momentum": 0.1}, {"momentum": 0.2}])
    assert len(coordinator_house.trials(sweep)) == 2


def test_trial_seeds_come_from_the_sweeps_seed(coordinator_house: CoordinatorHouse) -> None:
    one, same, other = (coordinator_house.create(first=["baseline", {}], seed=seed) for seed in (1, 1, 2))
    seeds = [[trial.seed for trial in coordinator_house.trials(sweep)] for sweep in (one, same, other)]
    assert seeds[0] == seeds[1]
    assert len({*seeds[0], *seeds[2]}) == 4


@pytest.mark.parametrize("body", [{}, [], None, "digits", {"problem": {"dataset": "no"}}, {**DEFAULT, "spcae": 1}])
def test_a_wrong_body_writes_nothing(coordinator_house: CoordinatorHouse, body: object) -> None:
    with pytest.raises(InvalidRequest) as raised:
        coordinator_house.coordinator.create(body, key="k")
    assert all(error.message and error.mend for error in raised.value.errors)
    assert raised.value.errors
    assert coordinator_house.num_sweeps() == 0
    assert coordinator_house.coordinator.create(DEFAULT, key="k")


def test_a_key_names_one_sweep(coordinator_house: CoordinatorHouse) -> None:
    coordinator = coordinator_house.coordinator
    first = coordinator.create(SMALL, key="k")
    coordinator_house.restart()
    assert coordinator_house.coordinator.create(dict(reversed(SMALL.items())), key="k").id == first.id
    with pytest.raises(InvalidRequest, match="another body"):
        coordinator_house.coordinator.create(DEFAULT, key="k")
    assert coordinator_house.num_sweeps() == 1


def test_a_key_is_forgotten_after_a_day(coordinator_house: CoordinatorHouse) -> None:
    first = coordinator_house.coordinator.create(SMALL, key="k")
    coordinator_house.pass_time(KEEP_SECONDS + 1)
    assert coordinator_house.coordinator.create(DEFAULT, key="k").id != first.id


def test_one_key_a_hundred_times_at_once_makes_one_sweep(coordinator_house: CoordinatorHouse) -> None:
    with ThreadPoolExecutor(max_workers=100) as threads:
        made = list(threads.map(lambda _: coordinator_house.coordinator.create(SMALL, key="k").id, range(100)))
    assert len(set(made)) == 1
    assert coordinator_house.num_sweeps() == 1


def test_posted_settings_are_run_and_what_they_leave_out_is_sampled(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    sweep = coordinator_house.create()
    posted = coordinator_house.coordinator.try_settings(sweep, settings={"momentum": 0.25})
    assert (posted.number, posted.state, posted.settings["momentum"]) == (0, TrialState.WAITING, 0.25)
    assert set(posted.settings) == {"learning_rate", "momentum", "weight_decay", "batch_size"}
    (assignment,) = coordinator_worker.take()
    assert assignment.settings.model_dump(include=set(posted.settings)) == posted.settings


@pytest.mark.parametrize("settings", [{"momentum": 2.0}, {"nesterov": True}, {"batch_size": 17}, {"momentum": True}])
def test_posted_settings_outside_the_space_are_refused(
    coordinator_house: CoordinatorHouse, settings: dict[str, bool | float]
) -> None:
    sweep = coordinator_house.create()
    with pytest.raises(InvalidRequest) as raised:
        coordinator_house.coordinator.try_settings(sweep, settings={**settings})
    (error,) = raised.value.errors
    assert error.field == f"settings.{next(iter(settings))}"
    assert coordinator_house.trials(sweep) == []


def test_settings_beyond_the_budget_are_refused_until_it_is_extended(coordinator_house: CoordinatorHouse) -> None:
    sweep = coordinator_house.create(trials=1)
    coordinator_house.coordinator.try_settings(sweep, settings={})
    with pytest.raises(Conflict, match=":extend"):
        coordinator_house.coordinator.try_settings(sweep, settings={})
    coordinator_house.coordinator.extend(sweep, by=Extension(trials=1))
    assert coordinator_house.coordinator.try_settings(sweep, settings={}).number == 1


def test_nothing_can_be_done_to_a_sweep_that_is_not_there(coordinator_house: CoordinatorHouse) -> None:
    coordinator = coordinator_house.coordinator
    for act in (
        lambda: coordinator.change("none", verb="pause"),
        lambda: coordinator.extend("none", by=Extension(trials=1)),
        lambda: coordinator.try_settings("none", settings={}),
        lambda: coordinator.delete("none", mlflow_runs=False),
    ):
        with pytest.raises(NotFound, match="/v1/sweeps"):
            act()
