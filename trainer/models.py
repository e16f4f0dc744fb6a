"""The built-in models, initialised as PyTorch does."""

from itertools import pairwise

from torch import nn

from trainer.config import LinearModel, MlpModel


def build_model(config: LinearModel | MlpModel, *, num_inputs: int, num_outputs: int) -> nn.Module:
    """A model that maps (n, num_inputs) to (n, num_outputs); its first weights come from torch's own generator."""
    hidden = config.hidden if isinstance(config, MlpModel) else ()
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise((num_inputs, *hidden, num_outputs)):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
