from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer.assignments import BASELINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource
from trainer.checkpoint import CheckpointStore
from trainer.config import CnnModel, MlpModel, ModelConfig, ProblemConfig
from trainer.engine import train
from trainer.models.dropout import SeededDropout, with_counted_dropout
from trainer.models.training_mode import TrainingMode

X = torch.ones(64, 50)


def _mask(*, seed: int = 1, layer: int = 0, num_updates: int = 0, share: float = 0.3) -> torch.Tensor:
    dropout = SeededDropout(share)
    dropout.seed, dropout.layer, dropout.num_updates = seed, layer, num_updates
    mask: torch.Tensor = dropout(X)
    return mask


def test_the_mask_follows_from_seed_layer_and_update_alone() -> None:
    torch.manual_seed(1)
    first = _mask()
    torch.manual_seed(2)
    assert torch.equal(_mask(), first)
    for other in (_mask(seed=2), _mask(layer=1), _mask(num_updates=1)):
        assert not torch.equal(other, first)


def test_a_share_is_left_out_and_the_mean_stays() -> None:
    mask = _mask(share=0.3)
    assert abs((mask == 0).float().mean().item() - 0.3) < 0.03
    torch.testing.assert_close(mask[mask != 0], torch.full_like(mask[mask != 0], 1 / 0.7))
    assert torch.equal(_mask(share=1.0), torch.zeros_like(X))
    assert _mask(share=0.0) is X


def test_in_evaluation_nothing_is_left_out() -> None:
    assert SeededDropout(0.9).eval()(X) is X


def test_it_takes_the_place_of_torchs_own_wherever_it_stands() -> None:
    shared = nn.Dropout(0.2)
    model = with_counted_dropout(nn.Sequential(shared, nn.Sequential(nn.Dropout2d(0.5)), nn.ReLU(), shared))
    found = [module for module in model.modules() if isinstance(module, SeededDropout)]
    assert [(one.share, one.of_channels) for one in found] == [(0.2, False), (0.5, True)]
    assert model.get_submodule("0") is model.get_submodule("3")
    assert isinstance(with_counted_dropout(nn.Dropout(0.1)), SeededDropout)


class _AuthorsOwn(nn.Dropout):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def test_dropout_of_the_authors_own_stays_as_it_is() -> None:
    model = with_counted_dropout(nn.Sequential(_AuthorsOwn(0.5)))
    assert torch.equal(model(X), X + 1)


def test_whole_channels_are_left_out() -> None:
    out = with_counted_dropout(nn.Dropout2d(0.5))(torch.ones(8, 6, 4, 4))
    sums = out.sum(dim=(2, 3))
    assert set(sums.unique().tolist()) == {0.0, 32.0}


def test_the_layers_of_a_model_are_counted_and_rest_in_evaluation() -> None:
    model = nn.Sequential(SeededDropout(0.5), SeededDropout(0.5))
    mode = TrainingMode(model, seed=5, always=False)
    mode.begin_update(3)
    first, second = model[0](X), model[1](X)
    assert not torch.equal(first, second)
    with mode.evaluation():
        assert torch.equal(model(X), X)
    assert torch.equal(model[0](X), first)
    mode.begin_update(4)
    assert not torch.equal(model[0](X), first)


@pytest.mark.parametrize("drain_at", [3, 8])
@pytest.mark.parametrize("model", [MlpModel(hidden=(8,), dropout=0.5), CnnModel(channels=(4,), dropout=0.5)])
def test_a_resumed_training_leaves_out_the_same_units(tmp_path: Path, model: ModelConfig, drain_at: int) -> None:
    few_steps = {**BASELINE, "batch_size": 400}
    assigned = assignment(few_steps, problem=ProblemConfig(dataset="digits", model=model), epochs=3)
    whole, first = ScriptedSource([assigned]), ScriptedSource([assigned], drain_at=drain_at)
    for source in (whole, first):
        train(source, slots=1, device="cpu", checkpoints=CheckpointStore(tmp_path))
    rest = ScriptedSource([assigned.model_copy(update={"checkpoint": first.notes()[0].checkpoint})])
    train(rest, slots=1, device="cpu", checkpoints=CheckpointStore(tmp_path))
    assert numbers(first.reports() + rest.reports()) == numbers(whole.reports())
