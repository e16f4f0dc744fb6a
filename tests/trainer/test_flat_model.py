import torch
from torch import nn

from trainer.flat_model import FlatModel


def _model() -> FlatModel:
    return FlatModel(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)), device=torch.device("cpu"))


def test_the_parameters_are_views_of_one_vector() -> None:
    model = _model()
    assert model.theta.shape == (1, 3 * 2 + 2 + 2 + 1)
    model.theta.fill_(2.0)
    assert all((parameter == 2).all() for parameter in model.module.parameters())


def test_gradients_gather_in_one_vector() -> None:
    model = _model()
    model.module(torch.ones(4, 3)).sum().backward()
    gathered = torch.cat([p.grad.reshape(-1) for p in model.module.parameters() if p.grad is not None])
    assert torch.equal(model.gradient[0], gathered)
    assert model.gradient[0, -1] == 4


def test_weights_go_by_the_names_of_the_module() -> None:
    model = _model()
    named = model.named(model.theta + 1)
    for name, parameter in model.module.state_dict().items():
        torch.testing.assert_close(named[name], parameter + 1)
