"""Scores and losses of many rows at once: each row's are its own, to the bit, and those that it has alone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from tests.trainer.companies import built
from trainer.config import ProblemConfig
from trainer.data.metrics import SCORE_BY_NAME, Score
from trainer.fused.losses import example_loss
from trainer.fused.scores import scored
from trainer.models.quadratic import ravine_loss
from trainer.problem import Problem
from trainer.training import evaluated

CLASSES = ("val_accuracy", "val_balanced_accuracy", "val_f1_macro", "val_auc")
NUMBERS = ("val_r2", "val_mse", "val_mae")
PROBLEMS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "digits": (CLASSES, 10),
    "diabetes": (NUMBERS, 1),
    "quadratic": ((), 10),
}
"""By the name of the data: their scores, and the outputs of a model for them."""


def problem_of(name: str) -> Problem:
    """The problem with all scores of its task."""
    scores, _ = PROBLEMS[name]
    return replace(built(ProblemConfig(dataset=name)), metrics={score: SCORE_BY_NAME[score] for score in scores})


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_row_has_the_scores_that_it_has_alone(name: str) -> None:
    problem = problem_of(name)
    outputs = drawn(5, len(problem.validation.x), PROBLEMS[name][1])
    for row, found in zip(outputs, scored(outputs, problem=problem), strict=True):
        assert not isinstance(found, Exception)
        assert list(found) == ["val_loss", *problem.metrics]
        assert found == pytest.approx(evaluated(row, problem=problem), rel=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_scores_are_the_same_to_the_bit_whatever_the_number_of_rows(name: str) -> None:
    problem = problem_of(name)
    outputs = drawn(7, len(problem.validation.x), PROBLEMS[name][1])
    outputs[2] = torch.nan
    together = scored(outputs, problem=problem)
    assert together[2] == dict.fromkeys(["val_loss", *problem.metrics])
    assert together[3:5] == scored(outputs[3:5], problem=problem)
    assert together == [found for row in outputs for found in scored(row[None], problem=problem)]


def test_what_a_score_raises_of_one_row_is_no_matter_of_the_others() -> None:
    def raises_above_one(outputs: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        if outputs.max() > 1:
            raise ValueError("above one")
        return outputs.mean()

    problem = replace(problem_of("diabetes"), metrics={"val_own": raises_above_one})
    outputs = torch.zeros(3, len(problem.validation.x), 1)
    outputs[1] = 2
    first, second, third = scored(outputs, problem=problem)
    assert isinstance(second, ValueError)
    assert first == third
    assert not isinstance(first, Exception)
    assert first["val_own"] == 0


@pytest.mark.parametrize(
    ("name", "loss"), [("digits", F.cross_entropy), ("diabetes", F.mse_loss), ("quadratic", ravine_loss)]
)
def test_a_loss_by_its_terms_is_the_mean_over_the_batch(name: str, loss: Score) -> None:
    """In two updates of three rows; the last batch of the second row has three examples and is filled up to four."""
    problem = problem_of(name)
    of_terms = example_loss(problem)
    assert of_terms is not None
    outputs = drawn(2, 3, PROBLEMS[name][1], 4).requires_grad_()
    targets = problem.train.y[:24].view(2, 3, 4, *problem.train.y.shape[1:])
    sizes = torch.tensor([[4, 4, 4], [4, 3, 4]])
    shares = (torch.arange(4) < sizes[..., None]) / sizes[..., None]
    terms = torch.stack([of_terms.terms(o, targets=y) for o, y in zip(outputs, targets, strict=True)])
    found = of_terms.losses(terms, targets=targets, shares=shares)
    expected = torch.stack(
        [
            torch.stack([loss(o.T[:size], y[:size]) for o, y, size in zip(*update, strict=True)])
            for update in zip(outputs, targets, sizes, strict=True)
        ]
    )
    torch.testing.assert_close(found, expected)
    weights = of_terms.weights(shares, targets=targets)
    [gradient], [of_expected] = (
        torch.autograd.grad(one, [outputs], retain_graph=True) for one in ((weights * terms).sum(), expected.sum())
    )
    torch.testing.assert_close(gradient, of_expected)


def test_a_class_that_became_impossible_costs_nothing_where_it_is_not_the_target() -> None:
    problem = problem_of("digits")
    of_terms = example_loss(problem)
    assert of_terms is not None
    terms = torch.full((1, 1, 10, 1), -torch.inf)
    terms[0, 0, 4] = -0.5
    losses = of_terms.losses(terms, targets=torch.tensor([[[4]]]), shares=torch.ones(1, 1, 1))
    assert losses.tolist() == [[0.5]]
