import pytest
import torch
from torch import nn

from trainer.catalog import dataset
from trainer.config import CnnModel, LinearModel, MlpModel, ModelConfig, ProblemConfig, ResnetModel
from trainer.facts import ProblemFacts
from trainer.model_settings import folded
from trainer.models.build import ACTIVATIONS, build_model
from trainer.models.convolution import use_channels_last
from trainer.models.dropout import SeededDropout
from trainer.randomness import initial_model

IMAGES = (CnnModel(), CnnModel(channels=(3, 6, 12, 8, 8)), ResnetModel(), ResnetModel(channels=(4, 6, 9), blocks=2))
ROWS = (LinearModel(), MlpModel(hidden=(5,)), MlpModel(hidden=(7, 5), activation="tanh", dropout=0.5))


def _facts(*shape: int, num_classes: int = 3) -> ProblemFacts:
    task = "classification" if num_classes else "regression"
    return ProblemFacts(name="made up", task=task, description="", input_shape=shape, num_classes=num_classes)


@pytest.mark.parametrize("config", [*ROWS, *IMAGES])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12), (2, 1, 1), (3, 5, 1)])
def test_images_go_through_every_model_and_every_weight_gets_a_gradient(
    config: ModelConfig, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    model = build_model(config, facts=_facts(*shape))
    outputs = model(torch.randn(6, *shape))
    assert outputs.shape == (6, 3)
    outputs.square().sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in model.parameters())
    model.eval()
    alone = model(torch.ones(1, *shape))
    assert alone.shape == (1, 3)
    assert alone.isfinite().all()


@pytest.mark.parametrize("config", [*ROWS, *IMAGES])
def test_an_image_may_come_as_its_row_of_numbers(config: ModelConfig) -> None:
    model = build_model(config, facts=_facts(1, 8, 8)).eval()
    images = torch.randn(4, 1, 8, 8)
    assert torch.equal(model(images), model(images.flatten(1)))


@pytest.mark.parametrize("config", ROWS)
def test_without_classes_there_is_one_output(config: ModelConfig) -> None:
    assert build_model(config, facts=_facts(4, num_classes=0))(torch.ones(5, 4)).shape == (5, 1)


def test_the_mlp_begins_as_a_plain_stack_of_layers_does() -> None:
    def plain() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 10))

    expected = initial_model(plain, seed=3).state_dict()
    config = MlpModel(hidden=(20, 12))
    found = initial_model(lambda: build_model(config, facts=dataset("digits")), seed=3).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_dropout_changes_no_first_weight() -> None:
    # mypy knows no type for a lambda with a default.
    plain, thinned = (
        initial_model(lambda rate=rate: build_model(MlpModel(dropout=rate), facts=dataset("wine")), seed=1)  # type: ignore[misc]
        for rate in (0.0, 0.5)
    )
    pairs = zip(plain.parameters(), thinned.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("config", [MlpModel(dropout=0.5), CnnModel(dropout=0.5), ResnetModel(dropout=0.5)])
def test_dropout_is_ours(config: ModelConfig) -> None:
    model = build_model(config, facts=_facts(1, 8, 8))
    assert any(isinstance(module, SeededDropout) and module.share == 0.5 for module in model.modules())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_activation_is_the_one_that_was_named(activation: str) -> None:
    for config in (MlpModel, CnnModel, ResnetModel):
        model = build_model(config.model_validate({"activation": activation}), facts=_facts(1, 8, 8))
        kinds = {type(module) for module in model.modules()}
        # mypy takes the parametrized text for any text, not for an Activation.
        assert kinds & {nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU} == {ACTIVATIONS[activation]}  # type: ignore[index]


def test_groups_divide_the_channels_and_have_several_where_they_can() -> None:
    for channels in (1, 2, 3, 5, 6, 16, 31, 32, 100):
        model = build_model(CnnModel(channels=(channels,)), facts=_facts(1, 8, 8))
        [norm] = (module for module in model.modules() if isinstance(module, nn.GroupNorm))
        assert channels % norm.num_groups == 0
        assert norm.num_groups == 1 or channels // norm.num_groups >= 4


def test_an_image_is_halved_while_it_is_large_enough() -> None:
    model = build_model(CnnModel(channels=(4, 4, 4, 4)), facts=_facts(1, 8, 8))
    assert sum(isinstance(module, nn.MaxPool2d) for module in model.modules()) == 2


def test_of_a_relu_it_is_all_the_same_whether_it_comes_before_the_pooling() -> None:
    model = initial_model(lambda: build_model(CnnModel(), facts=_facts(1, 8, 8)), seed=3)
    assert isinstance(model, nn.Sequential)
    layers = list(model)
    pooled = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    for place in pooled:
        layers[place], layers[place + 1] = layers[place + 1], layers[place]
    assert all(isinstance(layers[place], nn.ReLU) for place in pooled)
    x = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    outputs, gradients = zip(*(_backpropagated(one, x=x) for one in (model, nn.Sequential(*layers))), strict=True)
    assert torch.equal(*outputs)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("config", IMAGES)
def test_with_channels_last_a_model_is_the_same_but_for_rounding(config: ModelConfig) -> None:
    model, other = (initial_model(lambda: build_model(config, facts=_facts(1, 16, 16)), seed=3) for _ in range(2))
    use_channels_last(other)
    lies_so: list[bool] = []
    for module in other.modules():
        if isinstance(module, nn.GroupNorm):
            module.register_forward_hook(
                lambda _module, _given, out: lies_so.append(out.is_contiguous(memory_format=torch.channels_last))
            )
    x = torch.randn(16, 256, generator=torch.Generator().manual_seed(3))
    (outputs, gradient), (as_outputs, as_gradient) = (_backpropagated(one, x=x) for one in (model, other))
    assert lies_so
    assert all(lies_so)
    assert torch.allclose(outputs, as_outputs, atol=1e-5)
    assert torch.allclose(gradient, as_gradient, atol=1e-5 * float(gradient.abs().max()))


def _backpropagated(model: nn.Module, *, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The outputs, and the gradient of their squares as one vector."""
    model.zero_grad()
    outputs = model(x)
    outputs.square().sum().backward()
    return outputs.detach(), torch.cat(
        [weights.grad.flatten() for weights in model.parameters() if weights.grad is not None]
    )


def test_settings_of_a_trial_make_its_model() -> None:
    digits = ProblemConfig(dataset="digits", model=MlpModel(hidden=(64,)))
    assert folded(digits, settings={"model.width": 8, "model.depth": 3, "learning_rate": 0.1}).model == MlpModel(
        hidden=(8, 8, 8)
    )
    images = ProblemConfig(dataset="digits", model=ResnetModel(channels=(16, 32)))
    assert folded(images, settings={"model.width": 4, "model.blocks": 2}).model == ResnetModel(
        channels=(4, 8), blocks=2
    )
    thinned = folded(images, settings={"model.dropout": 0.25, "model.activation": "silu"}).model
    assert thinned == ResnetModel(channels=(16, 32), dropout=0.25, activation="silu")
    own = ProblemConfig(plugin="spirals", settings={"noise": 0.1})
    assert folded(own, settings={"problem.width": 8}).settings == {"noise": 0.1, "width": 8}
