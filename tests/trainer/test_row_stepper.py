"""A row by itself is updated as the same row among many is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.trainer.references import cases
from tests.trainer.test_sgd import ANY_SGD, OTHERS
from trainer.course.schedules import Pace
from trainer.models.flat_model import FlatModel
from trainer.settings import Settings
from trainer.updates.row_stepper import RowStepper
from trainer.updates.stepper import Stepper, empty_buffers


@given(data=st.data(), seed=st.integers(0, 2**31), starts=cases.DECAYS)
@settings(max_examples=40, deadline=None, derandomize=True)
@pytest.mark.parametrize("drawn", [ANY_SGD, *OTHERS], ids=["sgd", "adam", "adamw", "rmsprop"])
def test_gradients_in_pieces_do_what_they_do_in_one_vector(
    drawn: st.SearchStrategy[Settings], data: st.DataObject, seed: int, starts: float
) -> None:
    """Momentum may begin at 0 and come later."""
    row = data.draw(drawn)
    torch.manual_seed(seed)
    model = FlatModel(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double(), device=torch.device("cpu"))
    x = torch.randn(8, 3, dtype=torch.float64)
    theta, beside = model.theta.clone(), empty_buffers(row, like=model.theta)
    buffers = empty_buffers(row, like=model.theta)
    alone, among_many = RowStepper(row, model=model, buffers=buffers), Stepper([row], like=theta)
    for t in range(5):
        pace = Pace(row.learning_rate / (t + 1), momentum=row.momentum if t else starts)
        model.forget_gradients()
        model.module(x).square().sum().backward()
        gradient = model.gradient
        alone.step(pace, num_updates=t)
        among_many.prepare([pace], num_updates=[t], like=theta)
        among_many.step(theta, buffers=beside, gradient=gradient)
        assert torch.equal(model.gradient, gradient)
    assert torch.allclose(model.theta, theta, rtol=1e-12, atol=1e-12)
    for name, buffer in buffers.items():
        assert torch.allclose(buffer, beside[name], rtol=1e-10, atol=1e-12)
