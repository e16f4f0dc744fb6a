"""The built-in models for images: cnn and resnet, small ones, with GroupNorm.

No BatchNorm: what it learns of running statistics would have to travel with every checkpoint, and with a batch of one
it learns nothing.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

from trainer.config import CnnModel, ResnetModel
from trainer.models.dropout import SeededDropout

Activation: TypeAlias = Callable[[], nn.Module]

MOST_GROUPS = 8
FEWEST_CHANNELS_OF_A_GROUP = 4
SMALLEST_POOLED = 4


def cnn(config: CnnModel, *, image: tuple[int, ...], num_outputs: int, activation: Activation) -> nn.Module:
    """Stages of 3x3 convolution, GroupNorm, activation and 2x2 pooling, then the mean over the image and a layer.

    `image` is (channels, height, width); below SMALLEST_POOLED pixels a side an image is not pooled any more.
    """
    layers: list[nn.Module] = [_Image(image)]
    side = min(image[1:])
    for num_in, num_out in pairwise((image[0], *config.channels)):
        pools = side >= SMALLEST_POOLED
        layers += [_convolution(num_in, num_out), _norm(num_out), *_activated(activation, pools=pools)]
        side //= 2 if pools else 1
    return nn.Sequential(*layers, *_head(config.channels[-1], num_outputs=num_outputs, dropout=config.dropout))


def resnet(config: ResnetModel, *, image: tuple[int, ...], num_outputs: int, activation: Activation) -> nn.Module:
    """A convolution, then stages of residual blocks (He et al. 2016), then the mean over the image and a layer.

    Each stage but the first halves the image.
    """
    first = config.channels[0]
    layers: list[nn.Module] = [_Image(image), _convolution(image[0], first), _norm(first), activation()]
    for number, (num_in, num_out) in enumerate(pairwise((first, *config.channels))):
        layers.append(_Residual(num_in, num_out, stride=1 if number == 0 else 2, activation=activation))
        layers += [_Residual(num_out, num_out, stride=1, activation=activation) for _ in range(config.blocks - 1)]
    return nn.Sequential(*layers, *_head(config.channels[-1], num_outputs=num_outputs, dropout=config.dropout))


def use_channels_last(model: nn.Module) -> None:
    """The images go through a model of this file with their channels last in memory, whatever the weights' own form.

    On a CPU it takes three quarters of the time; last bits differ.
    """
    for module in model.modules():
        if isinstance(module, _Image):
            module.memory_format = torch.channels_last


class _Image(nn.Module):
    """Rows of numbers as the images that they are; images stay as they are."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.memory_format: torch.memory_format | None = None

    def forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, *self.shape)
        return images if self.memory_format is None else images.to(memory_format=self.memory_format)


class _Residual(nn.Module):
    """Two convolutions whose result is added to what came in; a 1x1 convolution makes the shapes equal."""

    def __init__(self, num_in: int, num_out: int, *, stride: int, activation: Activation) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(num_in, num_out, stride=stride),
            _norm(num_out),
            activation(),
            _convolution(num_out, num_out),
            _norm(num_out),
        )
        changes = stride != 1 or num_in != num_out
        self.shortcut = nn.Conv2d(num_in, num_out, kernel_size=1, stride=stride) if changes else nn.Identity()
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


def _convolution(num_in: int, num_out: int, *, stride: int = 1) -> nn.Conv2d:
    # Without a bias: the GroupNorm that follows has one.
    return nn.Conv2d(num_in, num_out, kernel_size=3, padding=1, stride=stride, bias=False)


def _activated(activation: Activation, *, pools: bool) -> list[nn.Module]:
    if not pools:
        return [activation()]
    # Of ReLU's values the largest is that of the largest: to the bit the same, on a quarter of the numbers.
    return [nn.MaxPool2d(2), activation()] if activation is nn.ReLU else [activation(), nn.MaxPool2d(2)]


def _norm(num_channels: int) -> nn.GroupNorm:
    """GroupNorm over groups of equal size, of several channels each where there are that many.

    A group of one channel on an image of one pixel would be a single number, whose norm is always 0.
    """
    most = min(MOST_GROUPS, max(1, num_channels // FEWEST_CHANNELS_OF_A_GROUP))
    return nn.GroupNorm(max(groups for groups in range(1, most + 1) if num_channels % groups == 0), num_channels)


def _head(num_channels: int, *, num_outputs: int, dropout: float) -> list[nn.Module]:
    thinned: list[nn.Module] = [SeededDropout(dropout)] if dropout else []
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *thinned, nn.Linear(num_channels, num_outputs)]
