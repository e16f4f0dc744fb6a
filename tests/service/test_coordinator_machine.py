"""Anything may happen in any order; what must always hold, holds."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from service.errors import Conflict, SessionEnded
from service.protocol import ChildDeath
from service.records import Trial
from service.schemas import Extension
from service.stores import attempts
from sweeps.states import FINAL_SWEEP_STATES, FINAL_TRIAL_STATES, SweepState, TrialState
from tests.databases import Databases
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker
from trainer.report import Ending, EpochReport

WORKERS = st.integers(0, 2)
SWEEPS = st.integers(0, 1)
DEATHS = st.sampled_from(
    [{"how": "exit", "code": 1}, {"how": "signal", "signal": 9}, {"how": "signal", "signal": 11}, {"how": "hang"}]
)
EPOCHS = 3


class CoordinatorMachine(RuleBasedStateMachine):
    """Two sweeps and three workers; each rule is something that the world may do."""

    def __init__(self, databases: Databases) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.databases, self.database_url = databases, databases.new()
        self.house = CoordinatorHouse(Path(self.folder.name), database_url=self.database_url)
        limits = {"attempts": 2, "consecutive_failures": 4, "trial_seconds": 1000}
        self.sweeps = [
            self.house.create(trials=5, epochs=EPOCHS, budget={"parallel": 3}, limits=limits, first=["baseline"]),
            self.house.create(trials=4, epochs=EPOCHS, pruner={"kind": "asha", "min_epochs": 1}, keep={"weights": 1}),
        ]
        self.num_workers = 0
        self.workers = [self.new_worker() for _ in range(3)]
        self.final: dict[tuple[str, int], Trial] = {}
        self.budgets = {self.sweeps[0]: 5, self.sweeps[1]: 4}

    def teardown(self) -> None:
        self.house.database.close()
        self.databases.drop(self.database_url)
        self.folder.cleanup()

    def new_worker(self) -> ScriptedWorker:
        self.num_workers += 1
        return ScriptedWorker(self.house.coordinator, f"w{self.num_workers}", slots=2)

    def worker(self, index: int) -> ScriptedWorker:
        """The worker, a new one in its place where its session has ended."""
        worker = self.workers[index]
        try:
            self.house.coordinator.authenticate(worker.name, token=worker.token)
        except SessionEnded:
            self.workers[index] = worker = self.new_worker()
        return worker

    @rule(index=WORKERS, want=st.integers(0, 3), lost=st.booleans())
    def take(self, index: int, want: int, lost: bool) -> None:
        worker = self.worker(index)
        answer = worker.say_and_miss_the_answer(want=want)
        again = worker.repeat() if lost else answer
        assert again.assignments == answer.assignments
        worker.hear(again)

    @rule(index=WORKERS)
    def start(self, index: int) -> None:
        worker = self.worker(index)
        worker.start()
        worker.say()

    @rule(index=WORKERS, num_epochs=st.integers(1, EPOCHS), want=st.integers(0, 1))
    def report(self, index: int, num_epochs: int, want: int) -> None:
        worker = self.worker(index)
        reports: list[EpochReport] = []
        for attempt in worker.hand:
            begun = round(worker.seconds.get(attempt, 0.0))
            reports += worker.reports(attempt, first=begun + 1, last=min(EPOCHS, begun + num_epochs))
        worker.say(want=want, reports=tuple(reports))

    @precondition(lambda self: any(worker.hand for worker in self.workers))
    @rule(index=WORKERS, death=DEATHS, alone=st.booleans())
    def child_dies(self, index: int, death: dict[str, object], alone: bool) -> None:
        worker = self.worker(index)
        lost = tuple(worker.hand)[: 1 if alone else None]
        if lost:
            worker.start(*lost)
            worker.say(deaths=(ChildDeath.model_validate({**death, "attempts": lost}),))

    @precondition(lambda self: any(worker.hand for worker in self.workers))
    @rule(index=WORKERS, state=st.sampled_from(["DIVERGED", "FAILED"]))
    def child_says_its_end(self, index: int, state: str) -> None:
        worker = self.worker(index)
        ended = tuple(
            Ending.model_validate({"attempt": one, "state": state, "reason": "so", "seconds": 1}) for one in worker.hand
        )
        worker.say(endings=ended)

    @rule(index=WORKERS)
    def worker_forgets_its_hand(self, index: int) -> None:
        worker = self.worker(index)
        worker.hand.clear()
        worker.say()

    @rule(index=WORKERS)
    def worker_is_seen_to_die(self, index: int) -> None:
        self.house.coordinator.worker_gone(self.worker(index).name, how="killed")

    @rule(index=WORKERS)
    def worker_leaves(self, index: int) -> None:
        self.worker(index).say(leaving=True)

    @rule(seconds=st.sampled_from([1, 30, 59, 61]))
    def time_passes(self, seconds: int) -> None:
        self.house.pass_time(seconds)

    @rule()
    def service_restarts(self) -> None:
        self.house.restart()
        for worker in self.workers:
            worker.coordinator = self.house.coordinator

    @rule(which=SWEEPS, verb=st.sampled_from(["pause", "resume", "resume", "stop", "cancel"]))
    def user_asks(self, which: int, verb: str) -> None:
        try:
            self.house.coordinator.change(self.sweeps[which], verb=verb)
        except Conflict:
            assert self.house.sweep(self.sweeps[which]).state not in (SweepState.PENDING, SweepState.RUNNING)

    @rule(which=SWEEPS)
    def user_extends(self, which: int) -> None:
        try:
            self.house.coordinator.extend(self.sweeps[which], by=Extension(trials=1))
            self.budgets[self.sweeps[which]] += 1
        except Conflict:
            assert self.house.sweep(self.sweeps[which]).state is not SweepState.COMPLETED

    @rule(which=SWEEPS)
    def user_posts_settings(self, which: int) -> None:
        try:
            self.house.coordinator.try_settings(self.sweeps[which], settings={"momentum": 0.5})
        except Conflict:
            sweep = self.house.sweep(self.sweeps[which])
            full = len(self.house.trials(sweep.id)) == sweep.budget_trials
            assert full or sweep.state not in (SweepState.PENDING, SweepState.RUNNING, SweepState.PAUSED)

    @invariant()
    def no_trial_is_in_two_hands(self) -> None:
        with self.house.database.read() as connection:
            held = Counter((one.sweep_id, one.number) for one in attempts.all_open(connection))
        assert all(count == 1 for count in held.values()), held

    @invariant()
    def counts_are_right(self) -> None:
        for sweep_id in self.sweeps:
            sweep, trials = self.house.sweep(sweep_id), self.house.trials(sweep_id)
            assert [trial.number for trial in trials] == list(range(len(trials)))
            assert len(trials) <= sweep.budget_trials == self.budgets[sweep_id]
            states = Counter(trial.state for trial in trials)
            assert sweep.trials_finished == sum(states[state] for state in FINAL_TRIAL_STATES)
            assert sweep.failed_trials == states[TrialState.FAILED]
            told = sorted(trial.tell_number for trial in trials if trial.tell_number is not None)
            assert told == list(range(sweep.trials_finished))

    @invariant()
    def what_is_final_stays(self) -> None:
        for sweep_id in self.sweeps:
            sweep, trials = self.house.sweep(sweep_id), self.house.trials(sweep_id)
            for trial in trials:
                if trial.state in FINAL_TRIAL_STATES:
                    assert self.final.setdefault((sweep_id, trial.number), trial) == trial
                    assert trial.ended_at is not None
            if sweep.state in FINAL_SWEEP_STATES:
                assert all(trial.state in FINAL_TRIAL_STATES for trial in trials)
                assert (sweep.reason, sweep.ended_at) != (None, None)

    @invariant()
    def epochs_are_stored_once_and_without_gaps(self) -> None:
        for sweep_id in self.sweeps:
            for trial in self.house.trials(sweep_id):
                stored = [one.epoch for one in self.house.epochs(sweep_id, trial.number)]
                assert stored == list(range(1, trial.num_epochs + 1))
                assert trial.state is not TrialState.COMPLETED or trial.num_epochs == EPOCHS

    @invariant()
    def the_best_is_the_best(self) -> None:
        for sweep_id in self.sweeps:
            completed = [one for one in self.house.trials(sweep_id) if one.state is TrialState.COMPLETED]
            best = max((one.value for one in completed if one.value is not None), default=None)
            assert self.house.sweep(sweep_id).best_value == best

    def drain(self) -> None:
        """Users let go, a sound worker comes: every sweep must end."""
        for sweep_id in self.sweeps:
            if self.house.sweep(sweep_id).state is SweepState.PAUSED:
                self.house.coordinator.change(sweep_id, verb="resume")
        self.house.pass_time(61)
        self.house.pass_time(1)
        worker = self.new_worker()
        worker.work()
        worker.say()
        worker.say()


class DrainedCoordinatorMachine(CoordinatorMachine):
    """At the end of every run all sweeps end."""

    def teardown(self) -> None:
        self.drain()
        states = [self.house.sweep(sweep_id).state for sweep_id in self.sweeps]
        trials = [(one.state, one.reason) for sweep_id in self.sweeps for one in self.house.trials(sweep_id)]
        assert all(state in FINAL_SWEEP_STATES for state in states), (states, trials)
        self.counts_are_right()
        self.what_is_final_stays()
        super().teardown()


def test_what_must_hold_holds_whatever_happens(databases: Databases) -> None:
    class OnThese(DrainedCoordinatorMachine):
        """The machine, on the databases that were chosen."""

        def __init__(self) -> None:
            super().__init__(databases)

    run_state_machine_as_test(
        OnThese,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
