"""The built-in models by name, initialised as PyTorch does; linear and mlp are here, for rows and for images."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType

from torch import Tensor, nn

from trainer.config import Activation, CnnModel, LinearModel, MlpModel, ModelConfig
from trainer.facts import ProblemFacts
from trainer.models.convolution import cnn, resnet
from trainer.models.dropout import SeededDropout

ACTIVATIONS: Mapping[Activation, Callable[[], nn.Module]] = MappingProxyType(
    {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}
)


def build_model(config: ModelConfig, *, facts: ProblemFacts) -> nn.Module:
    """A model for the examples that the facts describe; its first weights come from torch's own generator.

    It maps (n, features), or (n, channels, height, width) where the examples are images, to (n, classes), and to (n, 1)
    where there are no classes.
    """
    num_outputs = facts.num_classes or 1
    if isinstance(config, LinearModel):
        return nn.Sequential(FlatLinear(facts.num_features, num_outputs))
    activation = ACTIVATIONS[config.activation]
    if isinstance(config, MlpModel):
        return _mlp(config, widths=(facts.num_features, *config.hidden, num_outputs), activation=activation)
    if isinstance(config, CnnModel):
        return cnn(config, image=facts.input_shape, num_outputs=num_outputs, activation=activation)
    return resnet(config, image=facts.input_shape, num_outputs=num_outputs, activation=activation)


class FlatLinear(nn.Linear):
    """An affine layer that takes an image as its row of numbers."""

    def forward(self, x: Tensor) -> Tensor:
        """x (n, ...) to (n, outputs)."""
        return super().forward(x if x.dim() == 2 else x.flatten(1))


def _mlp(config: MlpModel, *, widths: tuple[int, ...], activation: Callable[[], nn.Module]) -> nn.Module:
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(widths):
        layers += [nn.Linear(width_in, width_out) if layers else FlatLinear(width_in, width_out), activation()]
        if config.dropout:
            layers.append(SeededDropout(config.dropout))
    return nn.Sequential(*layers[: -2 if config.dropout else -1])
