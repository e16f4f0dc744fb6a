"""What the stores write they read again."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.database.database import Database
from service.errors import Unavailable
from service.stores import rows, sweeps, trials
from service.tables import attempt, epoch, event, sweep, trial
from sweeps.states import SweepState, TrialState
from tests.service.coordinator_house import CoordinatorHouse
from tests.service.scripted_worker import ScriptedWorker, checkpoint


def test_a_record_written_over_its_row_is_read_again(coordinator_house: CoordinatorHouse) -> None:
    sweep_id = coordinator_house.create(first=["baseline", "baseline"])
    before, other = coordinator_house.trials(sweep_id)
    after = replace(
        before,
        state=TrialState.DIVERGED, value=0.5, best_epoch=2, num_epochs=3, attempts=2, blamed_attempts=1,
        outside_deaths=4, seconds=1.5, worker="w", reason="why", checkpoint=checkpoint("a"), weights=checkpoint("b"),
        attrs={"a": [1, None]}, tell_number=7, started_at=1.0, ended_at=2.0,
    )  # fmt: skip
    whole = replace(coordinator_house.sweep(sweep_id), state=SweepState.FAILED, reason="why", study_attrs={"x": 1})
    with coordinator_house.database.write() as connection:
        rows.update_all(connection, trial, records=[after])
        rows.update_all(connection, sweep, records=[whole])
    assert coordinator_house.trials(sweep_id) == [after, other]
    assert coordinator_house.sweep(sweep_id) == whole


def test_a_sweep_that_is_removed_leaves_nothing_but_its_place(
    coordinator_house: CoordinatorHouse, coordinator_worker: ScriptedWorker
) -> None:
    gone, stays = coordinator_house.create(), coordinator_house.create()
    coordinator_worker.work()
    story, num_trials = coordinator_house.events(stays), len(coordinator_house.trials(stays))
    with coordinator_house.database.write() as connection:
        sweeps.remove(connection, gone)
    with coordinator_house.database.read() as connection:
        left = [
            connection.execute(select(func.count()).where(table.c.sweep_id == gone)).scalar_one()
            for table in (trial, attempt, epoch, event)
        ]
    assert left == [0, 0, 0, 0]
    assert (coordinator_house.events(stays), len(coordinator_house.trials(stays))) == (story, num_trials)


def test_which_files_are_named(coordinator_house: CoordinatorHouse) -> None:
    sweep_id = coordinator_house.create(first=["baseline", "baseline"])
    with coordinator_house.database.write() as connection:
        trials.change(connection, sweep_id, number=0, weights=checkpoint("a").model_dump())
        assert trials.named_files(connection, ["a" * 64, "b" * 64]) == {"a" * 64}
        assert trials.named_files(connection, []) == set()


def test_a_database_out_of_reach_is_told_in_our_words(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'ravine.db'}")
    with pytest.raises(Unavailable, match="try again"), database.read():
        pass
    database.close()
