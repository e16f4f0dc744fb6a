"""Whose fault a death was (DESIGN 4.6), as a table."""

from typing import Any

import pytest

from service.coordination.blame import final_reason, is_suspect, of_child, of_exception, of_worker, tells_of_worker
from service.protocol import ChildDeath


@pytest.mark.parametrize(
    ("death", "counts"),
    [
        ({"how": "exit", "code": 1}, True),
        ({"how": "exit", "code": 0}, True),
        ({"how": "signal", "signal": 11}, True),
        ({"how": "signal", "signal": 6}, True),
        ({"how": "signal", "signal": 9}, False),
        ({"how": "signal", "signal": 15}, False),
        ({"how": "signal", "signal": 9, "oom": True}, True),
        ({"how": "hang", "signal": 9}, True),
        ({"how": "memory", "signal": 9}, True),
    ],
)
def test_what_counts(death: dict[str, Any], counts: bool) -> None:
    assert of_child(ChildDeath.model_validate({"attempts": (1,), **death})).counts is counts
    together = of_child(ChildDeath.model_validate({"attempts": (1, 2, 3), **death}))
    assert (together.counts, "with 2 other trials" in together.reason) == (False, True)
    over_a_task = of_child(ChildDeath.model_validate({"attempts": (1,), "num_tasks": 1, **death}))
    assert (over_a_task.counts, "another task" in over_a_task.reason) == (False, True)


@pytest.mark.parametrize("num_attempts", [1, 3])
@pytest.mark.parametrize(
    ("death", "suspect"),
    [
        ({"how": "exit", "code": 1}, True),
        ({"how": "signal", "signal": 11}, True),
        ({"how": "hang", "signal": 9}, True),
        ({"how": "signal", "signal": 9, "oom": True}, True),
        ({"how": "signal", "signal": 9, "oom": None}, True),
        ({"how": "signal", "signal": 9, "oom": False}, False),
        ({"how": "signal", "signal": 15, "oom": False}, False),
    ],
)
def test_who_runs_alone_from_then_on(death: dict[str, Any], suspect: bool, num_attempts: int) -> None:
    attempts = tuple(range(num_attempts))
    how = of_child(ChildDeath.model_validate({"attempts": attempts, **death})).how
    assert (is_suspect(how), tells_of_worker(how)) == (suspect, num_attempts == 1)


def test_what_did_not_die_is_no_suspect() -> None:
    for blame in (of_worker("the machine is gone"), of_exception("ValueError", traceback="Traceback")):
        assert (is_suspect(blame.how), tells_of_worker(blame.how)) == (False, True)


def test_a_worker_or_machine_that_goes_blames_nobody() -> None:
    assert not of_worker("the machine is gone").counts
    assert of_exception("ValueError", traceback="...").counts


@pytest.mark.parametrize(
    ("blamed", "outside", "most", "reason"),
    [
        (0, 0, 3, None),
        (2, 9, 3, None),
        (3, 0, 3, "why (attempt 3 of 3)"),
        (1, 0, 1, "why"),
        (0, 10, 3, "killed from outside ten times"),
    ],
)
def test_when_a_trial_is_given_up(blamed: int, outside: int, most: int, reason: str | None) -> None:
    given_up = final_reason(blamed_attempts=blamed, outside_deaths=outside, max_attempts=most, reason="why")
    assert given_up == reason


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert "signal 77" in of_child(ChildDeath(attempts=(1,), how="signal", signal=77)).reason
