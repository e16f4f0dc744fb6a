"""What problem code logs while it trains."""

from pathlib import Path

import pytest

from tests.trainer.own_problems import assigned, line, line_of, own_file, trained
from trainer.own.discovery import discover
from trainer.own.logged import MOST_NAMES
from trainer.plugins import log_metric


def test_a_plugin_reports_its_own_metrics_and_what_its_code_logs(tmp_path: Path) -> None:
    discover([own_file(tmp_path, old="(targets - outputs).mean())", new="len(outputs))")])
    reports = trained(assigned(line()), folder=tmp_path).reports()
    # The mean over the calls of an epoch: batches of 32 and of 8; the evaluation of all 40 is no part of it.
    assert [report.metrics["offset"] for report in reports] == [20, 20]
    assert all((report.metrics["val_worst"] or 0) > 0 for report in reports)


@pytest.mark.parametrize("name", ["train_loss", "val_own", "learning_rate"])
def test_a_reserved_name_cannot_be_logged(tmp_path: Path, name: str) -> None:
    discover([own_file(tmp_path, old='"offset"', new=f'"{name}"')])
    [ending] = trained(assigned(line()), folder=tmp_path).endings()
    assert f"log_metric: '{name}' is reserved" in ending.reason
    assert ending.reason.endswith(f"(own.py, line {line_of('log_metric(')})")


def test_too_many_names_are_refused(tmp_path: Path) -> None:
    many = f'[log_metric(f"m{{i}}", i) for i in range({MOST_NAMES + 1})]'
    discover([own_file(tmp_path, old='log_metric("offset", (targets - outputs).mean())', new=many)])
    [ending] = trained(assigned(line()), folder=tmp_path).endings()
    assert "one name too many" in ending.reason


def test_what_is_not_finite_is_logged_as_none(tmp_path: Path) -> None:
    discover([own_file(tmp_path, old="(targets - outputs).mean())", new='float("nan"))')])
    reports = trained(assigned(line()), folder=tmp_path).reports()
    assert [report.metrics["offset"] for report in reports] == [None, None]


def test_logging_outside_of_training_does_nothing() -> None:
    log_metric("train_loss", 1.0)
