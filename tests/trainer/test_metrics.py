"""The scores are those of scikit-learn."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.catalog import SCORES
from trainer.data import metrics

Reference = Callable[[Any, Any], float]

OF_CLASSES: Mapping[str, Reference] = {
    "accuracy": sklearn.metrics.accuracy_score,
    "f1_macro": lambda y, found: sklearn.metrics.f1_score(y, found, average="macro", zero_division=0),
}
OF_NUMBERS: Mapping[str, Reference] = {
    "r2": sklearn.metrics.r2_score,
    "mse": sklearn.metrics.mean_squared_error,
    "mae": sklearn.metrics.mean_absolute_error,
}


def _drawn(num_rows: int, *, num_classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs in steps of a half, so that there are ties, and targets of every class."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randint(-4, 5, (num_rows, num_classes), generator=generator) / 2
    classes = torch.arange(num_rows) % num_classes
    return outputs, classes[torch.randperm(num_rows, generator=generator)]


@given(
    num_rows=st.integers(5, 60),
    num_classes=st.integers(2, 5),
    seed=st.integers(0, 2**32),
    name=st.sampled_from(sorted(OF_CLASSES)),
)
def test_scores_of_classes(num_rows: int, num_classes: int, seed: int, name: str) -> None:
    outputs, y = _drawn(num_rows, num_classes=num_classes, seed=seed)
    expected = OF_CLASSES[name](y.numpy(), outputs.argmax(dim=1).numpy())
    assert getattr(metrics, name)(outputs, y).item() == pytest.approx(expected, abs=1e-6)


@given(num_rows=st.integers(5, 60), num_classes=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_balanced_accuracy_counts_the_classes_that_occur(num_rows: int, num_classes: int, seed: int) -> None:
    outputs, y = _drawn(num_rows, num_classes=num_classes, seed=seed)
    found = outputs.argmax(dim=1)
    recalls = sklearn.metrics.recall_score(y, found, labels=np.unique(y), average=None, zero_division=0)
    assert metrics.balanced_accuracy(outputs, y).item() == pytest.approx(recalls.mean())
    if set(found.tolist()) <= set(y.tolist()):
        expected = sklearn.metrics.balanced_accuracy_score(y, found)
        assert metrics.balanced_accuracy(outputs, y).item() == pytest.approx(expected)


@given(num_rows=st.integers(5, 60), num_classes=st.integers(2, 5), seed=st.integers(0, 2**32))
def test_auc_with_ties_is_the_mean_of_each_class_against_the_rest(num_rows: int, num_classes: int, seed: int) -> None:
    outputs, y = _drawn(num_rows, num_classes=num_classes, seed=seed)
    # The same rounding as ours: of two probabilities that are equal on paper one may be larger by a bit.
    scores = outputs - outputs.flip(1) if num_classes == 2 else outputs.double().log_softmax(dim=1)
    areas = [sklearn.metrics.roc_auc_score(y == label, scores[:, label]) for label in range(num_classes)]
    assert metrics.auc(outputs, y).item() == pytest.approx(np.mean(areas), abs=1e-12)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_auc_is_that_of_the_probabilities(num_classes: int) -> None:
    outputs = torch.randn(80, num_classes, generator=torch.Generator().manual_seed(5))
    y = torch.arange(80) % num_classes
    found = outputs.double().softmax(dim=1).numpy()
    expected = sklearn.metrics.roc_auc_score(y, found[:, 1] if num_classes == 2 else found, multi_class="ovr")
    assert metrics.auc(outputs, y).item() == pytest.approx(expected, abs=1e-12)


def test_auc_tells_apart_what_probabilities_cannot() -> None:
    outputs = torch.tensor([[0.0, 40.0], [0.0, 80.0], [0.0, 60.0]])
    assert metrics.auc(outputs, torch.tensor([0, 1, 1])).item() == 1


def test_auc_of_one_class_is_undefined_and_of_a_missing_class_left_out() -> None:
    outputs, _ = _drawn(6, num_classes=3, seed=1)
    assert math.isnan(metrics.auc(outputs, torch.zeros(6, dtype=torch.int64)).item())
    assert math.isnan(metrics.auc(outputs[:, :2], torch.ones(6, dtype=torch.int64)).item())
    assert 0 <= metrics.auc(outputs, torch.tensor([0, 0, 0, 1, 1, 1])).item() <= 1


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_scores_of_numbers(name: str) -> None:
    generator = torch.Generator().manual_seed(3)
    y = torch.randn(50, 1, generator=generator)
    outputs = y + torch.randn(50, 1, generator=generator) / 3
    expected = OF_NUMBERS[name](y.numpy().astype(np.float64), outputs.numpy().astype(np.float64))
    assert getattr(metrics, name)(outputs, y).item() == pytest.approx(expected, rel=1e-5)


def test_what_is_undefined_or_not_finite_raises_nothing() -> None:
    constant = torch.ones(4, 1)
    assert not metrics.r2(constant + 1, constant).isfinite()
    broken = torch.full((4, 3), torch.nan)
    for name in SCORES["classification"]:
        metrics.SCORE_BY_NAME[name](broken, torch.tensor([0, 1, 2, 0]))


def test_every_score_of_the_catalog_is_computed() -> None:
    assert set(metrics.SCORE_BY_NAME) == {name for names in SCORES.values() for name in names}
