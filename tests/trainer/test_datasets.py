import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.datasets import SPLIT_SEED, Floats, Parts, load
from trainer.data.dealing import dealt

ROOT = Path(__file__).parents[2]
NAMES = ("digits", "breast_cancer", "wine", "diabetes")


def _from_scikit_learn(name: str) -> tuple[Floats, Floats]:
    loader = getattr(sklearn.datasets, f"load_{name}")
    x, y = loader(return_X_y=True, scaled=False) if name == "diabetes" else loader(return_X_y=True)
    return x, y.astype(np.float64)


def _all_parts(parts: Parts) -> tuple[torch.Tensor, ...]:
    return (*parts.train, *parts.validation, *parts.test)


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_those_of_scikit_learn(name: str) -> None:
    x, y = _from_scikit_learn(name)
    rows = dealt(y, seed=SPLIT_SEED, stratified=name != "diabetes")
    mean, deviation = x[rows["train"]].mean(axis=0), x[rows["train"]].std(axis=0)
    x = (x - mean) / np.where(deviation > 0, deviation, 1)
    if name == "diabetes":
        y = ((y - y[rows["train"]].mean()) / y[rows["train"]].std())[:, None]
    parts = load(name, dtype=torch.float64)
    for part, index in zip((parts.train, parts.validation, parts.test), rows.values(), strict=True):
        np.testing.assert_array_equal(part.x.numpy(), x[index])
        np.testing.assert_array_equal(part.y.numpy(), y[index])


def test_loading_does_not_import_scikit_learn() -> None:
    code = "import sys; from trainer.data.datasets import load; load('digits'); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_only_the_training_part_is_exactly_standardised(name: str) -> None:
    parts = load(name, dtype=torch.float64)
    varying = parts.train.x.std(dim=0) > 0
    assert parts.train.x.mean(dim=0).abs().max() < 1e-9
    torch.testing.assert_close(
        parts.train.x.std(dim=0, correction=0)[varying], torch.ones(int(varying.sum()), dtype=torch.float64)
    )
    assert parts.validation.x.mean(dim=0).abs().max() > 1e-3


def test_the_parts_are_float32_and_loaded_once() -> None:
    assert load("digits").train.x.dtype == torch.float32
    assert load("diabetes").train.y.dtype == torch.float32
    assert load("digits") is load("digits")


def test_every_process_gets_the_same_rows() -> None:
    say = "sys.stdout.buffer.write(load('digits').test.x.numpy().data)"
    code = f"import sys; from trainer.data.datasets import load; {say}"
    elsewhere = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT, timeout=60)
    assert elsewhere.stdout == load("digits").test.x.numpy().tobytes()


@given(st.lists(st.integers(0, 3), min_size=5, max_size=200), st.booleans())
def test_a_split_deals_every_row_once_and_every_class_alike(labels: list[int], stratified: bool) -> None:
    y = np.array(labels, dtype=np.float64)
    rows = dealt(y, seed=SPLIT_SEED, stratified=stratified)
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(y)))
    assert abs(len(rows["train"]) - 0.6 * len(y)) <= 1
    if stratified:
        for label in set(labels):
            in_train = float((y[rows["train"]] == label).sum())
            assert abs(in_train - 0.6 * labels.count(label)) <= 1.2


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no data set"):
        load("iris")


def test_nothing_is_shared_between_the_parts() -> None:
    storages = {tensor.untyped_storage().data_ptr() for tensor in _all_parts(load("wine"))}
    assert len(storages) == 6
