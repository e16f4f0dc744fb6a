import datetime
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.uploads import columns, csv_of, imported, npz_of, opened
from trainer.prepared import PARTS


def test_a_random_split_divides_each_class_alike(tmp_path: Path) -> None:
    table = {"a": np.arange(105), "y": ["rare"] * 5 + ["often"] * 100}
    answered = imported(tmp_path, content=csv_of(table), target="y")
    about, _ = opened(tmp_path, answered=answered)
    assert {row["name"]: [row[part] for part in PARTS] for row in about.report["classes"]} == {
        "often": [60, 20, 20],
        "rare": [3, 1, 1],
    }
    warning = about.report["warnings"][0]
    assert "'often' has an accuracy of 0.95" in warning
    assert "val_balanced_accuracy, val_f1_macro or val_auc" in warning


def test_groups_stay_together(tmp_path: Path) -> None:
    group = np.repeat([f"u{number}" for number in range(25)], np.arange(25) % 7 + 1)
    table = {"row": np.arange(len(group)), "who": group, "y": np.arange(len(group)) % 2}
    answered = imported(tmp_path, content=csv_of(table), target="y", split={"kind": "group", "column": "who"})
    about, tensors = opened(tmp_path, answered=answered)
    spec = about.preprocessing["inputs"]["columns"][0]
    members = [
        {group[round(float(x) * spec["scale"] + spec["mean"])] for x in tensors[f"{part}_x"][:, 0]} for part in PARTS
    ]
    assert members[0] | members[1] | members[2] == set(group)
    assert sum(map(len, members)) == 25
    assert abs(len(tensors["train_x"]) / len(group) - 0.6) < 0.1
    assert columns(about.report, field="role")["who"] == "group"


@pytest.mark.parametrize("as_dates", [True, False])
def test_the_oldest_train_and_equal_times_stay_together(tmp_path: Path, as_dates: bool) -> None:
    day = np.repeat(np.arange(20)[::-1], 3)
    first = datetime.date(2026, 1, 1)
    dates = [first + datetime.timedelta(days=int(number)) for number in day]
    table = {"a": day, "at": dates if as_dates else day, "y": np.arange(60) % 2}
    answered = imported(tmp_path, content=csv_of(table), target="y", split={"kind": "time", "column": "at"})
    about, tensors = opened(tmp_path, answered=answered)
    spec = about.preprocessing["inputs"]["columns"][0]
    days = [tensors[f"{part}_x"][:, 0] * spec["scale"] + spec["mean"] for part in PARTS]
    assert [(round(float(some.min())), round(float(some.max()))) for some in days] == [(0, 11), (12, 15), (16, 19)]


@pytest.mark.parametrize("middle", ["validation", "val"])
def test_arrays_may_bring_their_parts(tmp_path: Path, middle: str) -> None:
    x, y = np.arange(40.0).reshape(20, 2), np.resize(["no", "yes"], 20)
    slices = {"train": slice(12), middle: slice(12, 16), "test": slice(16, 20)}
    arrays = {f"{side}_{part}": values[rows] for part, rows in slices.items() for side, values in (("x", x), ("y", y))}
    about, tensors = opened(tmp_path, answered=imported(tmp_path, content=npz_of(**arrays)))
    assert (about.facts.num_train, about.facts.num_validation, about.facts.num_test) == (12, 4, 4)
    np.testing.assert_array_equal(tensors["test_y"], [0, 1, 0, 1])


def test_an_array_may_name_the_parts(tmp_path: Path) -> None:
    split = np.resize(["train", "train", "val", "test"], 40)
    content = npz_of(x=np.random.RandomState(0).rand(40, 3), y=np.arange(40.0)[:, None], part=split)
    answered = imported(tmp_path, content=content, split={"kind": "column", "column": "part"}, task="regression")
    about, tensors = opened(tmp_path, answered=answered)
    assert tensors["validation_x"].shape == (10, 3)
    assert columns(about.report, field="role") == {"x": "feature", "y": "target", "part": "column"}
