import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.references import cases
from trainer.course.schedules import Pace
from trainer.kinds import Adam, RmsProp, Sgd
from trainer.settings import Settings
from trainer.updates.sgd import LONG_ROW
from trainer.updates.stepper import Stepper, empty_buffers

ANY_SGD = st.builds(
    Settings,
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    dampening=st.sampled_from([0.0, 0.3]),
    nesterov=st.booleans(),
    velocity=st.sampled_from(["pytorch", "classical"]),
    weight_decay=cases.DECAYS,
    gradient_clip_norm=st.sampled_from([0.0, 0.5]),
)
OTHERS = [cases.with_optimizer(kind) for kind in (cases.ADAMS, cases.ADAMWS, cases.RMSPROPS)]


def _steps(rows: list[Settings], *, theta: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The weights after one update by each of the gradients (updates, rows, weights)."""
    theta = theta.clone()
    stepper, buffers = Stepper(rows, like=theta), empty_buffers(rows[0], like=theta)
    for t, gradient in enumerate(gradients):
        paces = [Pace(learning_rate=row.learning_rate / (t + 1), momentum=row.momentum) for row in rows]
        stepper.prepare(paces, num_updates=[t] * len(rows), like=theta)
        stepper.step(theta, buffers=buffers, gradient=gradient)
    return theta


@given(data=st.data(), seed=st.integers(0, 2**31), num_weights=st.integers(1, 70))
@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.parametrize("drawn", [ANY_SGD, *OTHERS], ids=["sgd", "adam", "adamw", "rmsprop"])
def test_a_row_does_not_feel_its_neighbours(
    drawn: st.SearchStrategy[Settings], data: st.DataObject, seed: int, num_weights: int
) -> None:
    """Not even one that is NaN, to the last bit, in the precision of real trainings."""
    rows = data.draw(st.lists(drawn, min_size=2, max_size=9))
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(len(rows), num_weights, generator=generator)
    gradients = torch.randn(4, len(rows), num_weights, generator=generator)
    gradients[2, -1] = float("nan")
    together = _steps(rows, theta=theta, gradients=gradients)
    for i, row in enumerate(rows[:-1]):
        alone = _steps([row], theta=theta[i : i + 1], gradients=gradients[:, i : i + 1])
        assert torch.equal(together[i : i + 1], alone)


@given(rows=st.lists(ANY_SGD, min_size=2, max_size=5), seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_long_row_is_updated_as_its_pieces_are_and_does_not_feel_its_neighbours(
    rows: list[Settings], seed: int
) -> None:
    """Long rows take another way; the pieces are short enough for the other."""
    num_weights, cut = LONG_ROW + 37, LONG_ROW // 2
    rows = [row.model_copy(update={"gradient_clip_norm": 0.0}) for row in rows]
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(len(rows), num_weights, generator=generator, dtype=torch.float64)
    gradients = torch.randn(4, len(rows), num_weights, generator=generator, dtype=torch.float64)
    together = _steps(rows, theta=theta, gradients=gradients)
    parts = zip(torch.split(theta, cut, dim=1), torch.split(gradients, cut, dim=2), strict=True)
    in_pieces = torch.cat([_steps(rows, theta=own, gradients=g) for own, g in parts], dim=1)
    assert torch.allclose(together, in_pieces, rtol=1e-12, atol=1e-12)
    gradients[2, -1] = float("nan")
    beside_nan = _steps(rows, theta=theta, gradients=gradients)
    for i, row in enumerate(rows[:-1]):
        alone = _steps([row], theta=theta[i : i + 1], gradients=gradients[:, i : i + 1])
        assert torch.equal(beside_nan[i : i + 1], alone)


@pytest.mark.parametrize("velocity", ["pytorch", "classical"])
def test_the_example_of_the_documents(velocity: str) -> None:
    """f(x) = x²/2 from x = 1 with learning rate 0.1 and momentum 0.9 moves 0.1, then 0.18."""
    row = Settings.model_validate({"learning_rate": 0.1, "momentum": 0.9, "velocity": velocity})
    x = torch.ones(1, 1, dtype=torch.float64)
    stepper, buffers, places = Stepper([row], like=x), empty_buffers(row, like=x), [1.0]
    for t in range(2):
        stepper.prepare([Pace(0.1, 0.9)], num_updates=[t], like=x)
        stepper.step(x, buffers=buffers, gradient=x.clone())
        places.append(x.item())
    assert places == pytest.approx([1.0, 0.9, 0.72], rel=1e-15)


def test_the_forms_differ_once_the_rate_changes() -> None:
    start, gradients = torch.ones(1, 1), torch.ones(2, 1, 1)
    classical = _steps([Settings(momentum=0.9, velocity="classical")], theta=start, gradients=gradients)
    pytorch = _steps([Settings(momentum=0.9)], theta=start, gradients=gradients)
    # The rate halves after the first update: the old velocity keeps its rate in the classical form only.
    assert 1 - classical.item() == pytest.approx(0.01 + (0.009 + 0.005), rel=1e-4)
    assert 1 - pytorch.item() == pytest.approx(0.01 + (0.9 + 1) * 0.005, rel=1e-4)


def test_without_momentum_dampening_changes_nothing() -> None:
    start, gradients = torch.ones(1, 3), torch.ones(4, 1, 3)
    damped = _steps([Settings(dampening=0.7)], theta=start, gradients=gradients)
    assert torch.equal(damped, _steps([Settings()], theta=start, gradients=gradients))


@pytest.mark.parametrize("num_weights", [3, LONG_ROW])
@pytest.mark.parametrize("optimizer", [Sgd(), Adam(), RmsProp(momentum=0.5, centered=True)])
def test_the_gradient_stays_as_it_is(optimizer: Sgd | Adam | RmsProp, num_weights: int) -> None:
    row = Settings(weight_decay=0.5, gradient_clip_norm=0.1, optimizer=optimizer)
    gradient = torch.ones(1, num_weights)
    stepper, buffers = Stepper([row], like=gradient), empty_buffers(row, like=gradient)
    stepper.prepare([Pace(0.1, 0.0)], num_updates=[0], like=gradient)
    stepper.step(torch.ones(1, num_weights), buffers=buffers, gradient=gradient)
    assert torch.equal(gradient, torch.ones(1, num_weights))


def test_a_constant_gradient_does_not_break_centred_rmsprop() -> None:
    """The variance is 0 but for rounding, which may leave it below."""
    row = Settings(optimizer=RmsProp(alpha=0.5, centered=True))
    gradients = torch.full((200, 1, 1000), 0.1) * torch.linspace(0.1, 3, 1000)
    assert _steps([row], theta=torch.ones(1, 1000), gradients=gradients).isfinite().all()


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_long_gradient_is_clipped_alike_whatever_its_neighbours(num_threads: int) -> None:
    before = torch.get_num_threads()
    gradients = torch.randn(1, 16, 70_001, generator=torch.Generator().manual_seed(3))
    rows = [Settings(gradient_clip_norm=1.0)] * 16
    try:
        torch.set_num_threads(num_threads)
        together = _steps(rows, theta=torch.zeros(16, 70_001), gradients=gradients)
        alone = [_steps(rows[:1], theta=torch.zeros(1, 70_001), gradients=gradients[:, i : i + 1]) for i in range(16)]
    finally:
        torch.set_num_threads(before)
    assert torch.equal(together, torch.cat(alone))
