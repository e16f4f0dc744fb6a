"""What theory says about the ravine f(θ) = ½ Σ λ_i θ_i², 1 <= λ_i <= 100."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from tests.trainer.assignments import assignment
from tests.trainer.references.theory import (
    BEST_PLAIN,
    HEAVY_BALL,
    ROOT_KAPPA,
    contraction,
    difference_of_plain_descent,
    errors_of,
)
from tests.trainer.scripted_source import ScriptedSource
from trainer.checkpoint import CheckpointStore
from trainer.config import ProblemConfig
from trainer.engine import train
from trainer.models.quadratic import CONVEXITY, NUM_DIMENSIONS, SMOOTHNESS, Ravine, eigenvalues, ravine_loss
from trainer.settings import Setting


def _train(
    settings: Mapping[str, Setting], *, folder: Path, epochs: int, batch_size: Setting = "full"
) -> ScriptedSource:
    ravine = ProblemConfig(dataset="quadratic")
    source = ScriptedSource([assignment({**settings, "batch_size": batch_size}, problem=ravine, epochs=epochs)])
    train(source, slots=1, device="cpu", checkpoints=CheckpointStore(folder))
    return source


def _losses(source: ScriptedSource) -> list[float]:
    return [report.metrics["val_loss"] or 0.0 for report in source.reports()]


def test_the_loss_is_the_function_and_its_gradient_is_lambda_theta() -> None:
    model = Ravine().double()
    loss = ravine_loss(model(torch.ones(7, 1, dtype=torch.float64)), torch.zeros(7, 1))
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
    assert loss.item() == pytest.approx(eigenvalues().sum().item() / 2, rel=1e-6)
    assert model.theta.grad is not None
    torch.testing.assert_close(model.theta.grad, eigenvalues(), rtol=1e-6, atol=0.0)
    assert (eigenvalues().min().item(), eigenvalues().max().item()) == (CONVEXITY, SMOOTHNESS)


def test_gradient_descent_follows_the_closed_form(tmp_path: Path) -> None:
    """θ_i after t updates is (1 - ηλ_i)^t."""
    losses = _losses(_train({"learning_rate": 0.005}, folder=tmp_path, epochs=40))
    lambdas = eigenvalues()
    for t in (1, 10, 40):
        expected = (lambdas * (1 - 0.005 * lambdas) ** (2 * t)).sum().item() / 2
        assert losses[t - 1] == pytest.approx(expected, rel=1e-4)


def test_below_two_over_l_gradient_descent_converges(tmp_path: Path) -> None:
    source = _train({"learning_rate": 0.98 * 2 / SMOOTHNESS}, folder=tmp_path, epochs=400)
    assert source.reports()[-1].last
    losses = _losses(source)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-3


def test_above_two_over_l_gradient_descent_diverges(tmp_path: Path) -> None:
    source = _train({"learning_rate": 1.02 * 2 / SMOOTHNESS}, folder=tmp_path, epochs=400)
    [ending] = source.endings()
    assert ending.state == "DIVERGED"
    # (1 - ηλ)² = 1.04² per update on the steepest axis: 1e6 times the first loss after 180 to 200 updates.
    assert 170 < len(source.reports()) < 210


def test_the_heavy_ball_beats_the_best_plain_descent(tmp_path: Path) -> None:
    plain = _losses(_train(BEST_PLAIN, folder=tmp_path, epochs=100))[-1]
    heavy = _losses(_train(HEAVY_BALL, folder=tmp_path, epochs=100))[-1]
    kappa = SMOOTHNESS / CONVEXITY
    assert plain == pytest.approx(((kappa - 1) / (kappa + 1)) ** 200 * (CONVEXITY + SMOOTHNESS) / 2, rel=0.05)
    assert heavy < plain * 1e-6


def test_momentum_widens_the_rates_that_converge(tmp_path: Path) -> None:
    """With momentum μ descent converges for η < 2(1+μ)/L."""
    inside = _train({"learning_rate": 0.98 * 3 / SMOOTHNESS, "momentum": 0.5}, folder=tmp_path, epochs=400)
    outside = _train({"learning_rate": 1.02 * 3 / SMOOTHNESS, "momentum": 0.5}, folder=tmp_path, epochs=400)
    assert inside.reports()[-1].last
    assert [ending.state for ending in outside.endings()] == ["DIVERGED"]


@pytest.mark.parametrize("batch_size", [1, 32, 100])
def test_every_batch_sees_the_whole_function(tmp_path: Path, batch_size: int) -> None:
    num_updates = math.ceil(128 / batch_size)
    batched = _losses(_train({"learning_rate": 0.005}, folder=tmp_path, epochs=1, batch_size=batch_size))
    full = _losses(_train({"learning_rate": 0.005}, folder=tmp_path, epochs=num_updates))
    assert batched[-1] == pytest.approx(full[-1], rel=1e-4)


def test_in_float64_the_edge_of_convergence_is_two_over_l() -> None:
    edge = 2 / SMOOTHNESS
    below = errors_of({"learning_rate": 0.9999 * edge}, num_updates=2000)
    above = errors_of({"learning_rate": 1.0001 * edge}, num_updates=2000)
    # Along the steepest axis an update leaves |1 - ηL| = 1 -+ 0.0002 of the error.
    assert contraction(below, first=1000, last=2000) == pytest.approx(1 - 0.0002, abs=1e-6)
    assert contraction(above, first=1000, last=2000) == pytest.approx(1 + 0.0002, abs=1e-6)
    assert len(errors_of({"learning_rate": 1.05 * edge}, num_updates=400)) < 400


def test_plain_descent_at_its_best_contracts_as_theory_says() -> None:
    assert difference_of_plain_descent(200) < 0.001


@pytest.mark.parametrize("velocity", ["pytorch", "classical"])
def test_the_heavy_ball_at_its_best_contracts_by_the_root_of_kappa(velocity: str) -> None:
    errors = errors_of({**HEAVY_BALL, "velocity": velocity}, num_updates=200)
    left = contraction(errors, first=50, last=200)
    assert left == pytest.approx((ROOT_KAPPA - 1) / (ROOT_KAPPA + 1), rel=0.015)
    assert left < (ROOT_KAPPA**2 - 1) / (ROOT_KAPPA**2 + 1)
    assert errors[0] == pytest.approx(math.sqrt(NUM_DIMENSIONS))
