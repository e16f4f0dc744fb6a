from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.schedules import learning_rate
from trainer.settings import Settings
from trainer.sgd import rates, rates_at, update

NUM_WEIGHTS = 5
NUM_UPDATES = 12


@st.composite
def rows_of_settings(draw: st.DrawFn) -> Settings:
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]))
    dampening = draw(st.sampled_from([0.0, 0.3, 1.0]))
    # torch.optim.SGD refuses nesterov without momentum or with dampening.
    nesterov = momentum > 0 and dampening == 0 and draw(st.booleans())
    return Settings(
        learning_rate=draw(st.floats(1e-4, 1.0)),
        momentum=momentum,
        dampening=dampening,
        nesterov=nesterov,
        weight_decay=draw(st.sampled_from([0.0, 1e-4, 0.1])),
        lr_decay=draw(st.sampled_from([0.0, 1e-3, 0.5])),
    )


def _torch_steps(row: Settings, *, start: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """The weights after each step of torch.optim.SGD, (updates, weights)."""
    theta = torch.nn.Parameter(start.clone())
    keywords: dict[str, Any] = row.model_dump(include={"momentum", "dampening", "nesterov", "weight_decay"})
    optimizer = torch.optim.SGD([theta], lr=row.learning_rate, **keywords)
    after = []
    for t, gradient in enumerate(gradients):
        optimizer.param_groups[0]["lr"] = learning_rate(t, settings=row)
        theta.grad = gradient.clone()
        optimizer.step()
        after.append(theta.detach().clone())
    return torch.stack(after)


@given(rows=st.lists(rows_of_settings(), min_size=1, max_size=4), seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_every_row_steps_as_torch_does(rows: list[Settings], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    theta = torch.randn(len(rows), NUM_WEIGHTS, dtype=torch.float64, generator=generator)
    gradients = torch.randn(NUM_UPDATES, len(rows), NUM_WEIGHTS, dtype=torch.float64, generator=generator)
    expected = torch.stack(
        [_torch_steps(row, start=theta[i], gradients=gradients[:, i]) for i, row in enumerate(rows)], dim=1
    )
    velocity = torch.zeros_like(theta)
    for t in range(NUM_UPDATES):
        now = rates(rows, num_updates=[t] * len(rows), like=theta)
        update(theta, velocity=velocity, gradient=gradients[t], rates=now)
        torch.testing.assert_close(theta, expected[t], rtol=1e-12, atol=1e-12)


@given(st.lists(rows_of_settings(), min_size=1, max_size=4), st.lists(st.integers(1, 500), min_size=4, max_size=4))
@settings(deadline=None, derandomize=True)
def test_later_rates_follow_from_earlier_ones(rows: list[Settings], counts: list[int]) -> None:
    like, num_updates = torch.zeros(1, dtype=torch.float64), counts[: len(rows)]
    earlier = rates(rows, num_updates=[1] * len(rows), like=like)
    later = rates_at(earlier, rows=rows, num_updates=num_updates)
    expected = rates(rows, num_updates=num_updates, like=like)
    assert torch.equal(later.learning_rate, expected.learning_rate)
    assert torch.equal(later.gradient_share, expected.gradient_share)


def test_a_row_does_not_feel_its_neighbours() -> None:
    calm, wild = Settings(momentum=0.9), Settings(momentum=0.9, nesterov=True)
    gradient = torch.tensor([[0.1, -0.2], [float("nan"), 1.0]])
    together, alone = torch.ones(2, 2), torch.ones(1, 2)
    velocities = torch.zeros(2, 2), torch.zeros(1, 2)
    for t in range(5):
        pair = rates([calm, wild], num_updates=[t, t], like=together)
        update(together, velocity=velocities[0], gradient=gradient, rates=pair)
        single = rates([calm], num_updates=[t], like=alone)
        update(alone, velocity=velocities[1], gradient=gradient[:1], rates=single)
    assert torch.equal(together[:1], alone)


def test_the_gradient_stays_as_it_is() -> None:
    gradient = torch.ones(1, 3)
    decaying = rates([Settings(weight_decay=0.5)], num_updates=[0], like=gradient)
    update(torch.ones(1, 3), velocity=torch.zeros(1, 3), gradient=gradient, rates=decaying)
    assert torch.equal(gradient, torch.ones(1, 3))
