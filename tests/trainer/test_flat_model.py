import pytest
import torch
from torch import nn

from trainer.errors import CheckpointError
from trainer.models.flat_model import FlatModel
from trainer.models.layout import Weights, statistics

CPU = torch.device("cpu")


def _model() -> FlatModel:
    return FlatModel(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)), device=CPU)


def _normed(frozen: float = 0.5) -> FlatModel:
    """A frozen layer, running statistics, and a layer that is trained: 2 + 2 + 3 weights."""
    fixed = nn.Linear(3, 2).requires_grad_(requires_grad=False)
    fixed.weight.fill_(frozen)
    return FlatModel(nn.Sequential(fixed, nn.BatchNorm1d(2), nn.Linear(2, 1)), device=CPU)


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


def test_gradients_are_forgotten_and_parameters_without_a_part_in_the_loss_have_zeros() -> None:
    model = _model()
    for _ in range(2):
        model.forget_gradients()
        model.module[0](torch.ones(4, 3)).sum().backward()  # type: ignore[index]  # a Sequential
    assert torch.equal(model.gradient, torch.tensor([[4.0] * 8 + [0.0] * 3]))


def test_sparse_gradients_of_an_embedding_lie_in_the_vector_too() -> None:
    model = FlatModel(nn.Embedding(4, 2, sparse=True), device=CPU)
    model.module(torch.tensor([1, 1, 3])).sum().backward()
    assert torch.equal(model.gradient.view(4, 2), torch.tensor([[0.0, 0.0], [2.0, 2.0], [0.0, 0.0], [1.0, 1.0]]))


def test_weights_go_by_the_names_of_the_module() -> None:
    for model in (_model(), _normed()):
        named = model.layout.named(model.weights())
        state = model.module.state_dict()
        assert named.keys() == state.keys()
        assert all(torch.equal(named[name], state[name]) for name in state)


def test_frozen_parameters_are_no_part_of_the_vector() -> None:
    model = _normed()
    assert model.theta.shape == (1, 2 + 2 + 3)
    model.theta.fill_(2.0)
    model.module(torch.rand(4, 3)).sum().backward()
    frozen = model.module[0]  # type: ignore[index]  # a Sequential
    assert (frozen.weight == 0.5).all()
    assert frozen.weight.grad is None


def test_tied_parameters_are_one() -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    tied = nn.Sequential(first, second)
    model = FlatModel(tied, device=CPU)
    assert model.theta.shape == (1, 4)
    tied(torch.ones(1, 2)).sum().backward()
    twice = torch.autograd.grad(tied(torch.ones(1, 2)).sum(), first.weight)[0]
    assert torch.equal(model.gradient.view(2, 2), twice)


def test_copied_weights_stay_as_the_training_goes_on_and_lead_back_to_them() -> None:
    model = _normed()
    before = model.weights()
    outputs = model.module.eval()(torch.ones(2, 3))
    model.theta.add_(1)
    model.module.train()(torch.rand(4, 3))
    assert not torch.equal(model.module.eval()(torch.ones(2, 3)), outputs)
    assert before.statistics["1.num_batches_tracked"] == 0
    assert model.weights().statistics["1.num_batches_tracked"] == 1
    model.fill(before)
    assert torch.equal(model.module(torch.ones(2, 3)), outputs)


def test_weights_of_another_model_are_refused() -> None:
    model, own = _normed(), _normed().weights()
    fewer = {name: tensor for name, tensor in own.statistics.items() if name != "1.running_var"}
    wider = {**own.statistics, "1.running_mean": torch.zeros(3)}
    for theta, found, named in (
        (own.theta[:, 1:], own.statistics, "theta is"),
        (own.theta, fewer, r"1\.running_var .* None in them"),
        (own.theta, wider, r"1\.running_mean is \(2,\) in it and \(3,\) in them"),
        (own.theta, {**wider, "2.mean": own.theta}, "do not fit"),
    ):
        with pytest.raises(CheckpointError, match=named):
            model.fill(Weights(theta, found))


def test_buffers_that_torch_would_not_store_are_no_statistics() -> None:
    module = nn.BatchNorm1d(2)
    module.register_buffer("mask", torch.ones(2), persistent=False)
    assert [*statistics(module)] == ["running_mean", "running_var", "num_batches_tracked"]


def test_frozen_parameters_are_known_by_their_values() -> None:
    torch.manual_seed(1)
    first = _normed().layout.frozen_sha256
    torch.manual_seed(1)
    again, other = _normed(), _normed(frozen=0.25)
    again.theta.fill_(7)
    assert again.layout.frozen_sha256 == first
    assert other.layout.frozen_sha256 not in (None, first)
    assert _model().layout.frozen_sha256 is None
