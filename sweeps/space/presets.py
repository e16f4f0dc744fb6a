"""Spaces with a name, for those who do not want to write one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from sweeps.space.parameters import AUTO, Choices, Parameter, Range
from trainer.settings import Setting

PresetName: TypeAlias = Literal["sgd-basic", "sgd-full", "sgd-schedules", "optimizers", "batch-regimes", "range-test"]
Space: TypeAlias = dict[str, Parameter]

BATCH_SIZES = (16, 32, 64, 128)
MOST_IN_ONE_BATCH = 65_536
"""Training examples beyond which no preset takes all of them in one batch."""

RATE = Range(low=1e-4, high=1.0, log=True)
MOMENTUM = Range(low=0.0, high=0.99)
WEIGHT_DECAY = Range(low=1e-6, high=1e-2, log=True)


@dataclass(frozen=True)
class Preset:
    """A space by name: what it is for, the texts that it comes from, its parameters for `num_train` examples.

    `num_train` is None where it is not known.
    """

    name: PresetName
    description: str
    source: str
    parameters: Callable[[int | None], Space]


def preset_space(name: PresetName, *, num_train: int | None) -> Space:
    """The parameters of a preset: batches larger than the data are left out."""
    return PRESETS[name].parameters(num_train)


def _batches(num_train: int | None, *, sizes: tuple[int, ...] = BATCH_SIZES) -> Choices:
    fitting: tuple[Setting, ...] = tuple(size for size in sizes if num_train is None or size <= num_train)
    return Choices(choices=fitting or ("full",))


def _sgd_basic(num_train: int | None) -> Space:
    return {
        "learning_rate": RATE,
        "momentum": MOMENTUM,
        "weight_decay": WEIGHT_DECAY,
        "batch_size": _batches(num_train),
    }


def _sgd_full(num_train: int | None) -> Space:
    return {
        **_sgd_basic(num_train),
        "nesterov": Choices(choices=(False, True)),
        "velocity": Choices(choices=("pytorch", "classical")),
        "dampening": Choices(choices=(0.0, 0.1, 0.5), when={"nesterov": (False,), "velocity": ("pytorch",)}),
        "schedule": Choices(choices=("constant", "inverse_time", "anneal_on_plateau", "cosine")),
        "lr_decay": Range(low=1e-6, high=1e-2, log=True, when={"schedule": ("constant",)}),
        "schedule.inverse_time.b": Range(low=10.0, high=1e4, log=True),
        "schedule.anneal_on_plateau.factor": Range(low=0.1, high=0.7),
        "warmup_epochs": Choices(choices=(0.0, 1.0, 3.0)),
        "gradient_clip_norm": Choices(choices=(0.0, 1.0, 5.0)),
    }


def _sgd_schedules(num_train: int | None) -> Space:
    kinds = ("constant", "inverse_time", "halve_on_slow", "anneal_on_plateau", "step", "exponential", "polynomial")
    return {
        "learning_rate": RATE,
        "momentum": Range(low=0.5, high=0.99),
        "batch_size": _batches(num_train, sizes=(32,)),
        "schedule": Choices(choices=(*kinds, "cosine", "one_cycle")),
        "schedule.inverse_time.b": Range(low=10.0, high=1e4, log=True),
        "schedule.halve_on_slow.threshold": Range(low=1e-3, high=0.1, log=True),
        "schedule.anneal_on_plateau.factor": Range(low=0.1, high=0.7),
        "schedule.anneal_on_plateau.patience": Range(low=0, high=4, integer=True),
        "schedule.step.epochs": Range(low=1, high=16, integer=True, log=True),
        "schedule.step.gamma": Range(low=0.1, high=0.7),
        "schedule.exponential.gamma": Range(low=0.7, high=0.99),
        "schedule.polynomial.power": Range(low=0.5, high=4.0, log=True),
        "schedule.cosine.final": Choices(choices=(0.0, 0.01, 0.1)),
        "schedule.one_cycle.pct_start": Range(low=0.1, high=0.5),
        "schedule.one_cycle.div_factor": Range(low=5.0, high=50.0, log=True),
        "warmup_epochs": Choices(choices=(0.0, 1.0, 3.0)),
        "momentum_schedule": Choices(choices=("constant", "ramp")),
        "momentum_schedule.ramp.until": Choices(choices=("epoch", "stable")),
        "momentum_schedule.ramp.epochs": Range(
            low=1, high=8, integer=True, when={"momentum_schedule.ramp.until": ("epoch",)}
        ),
    }


def _optimizers(num_train: int | None) -> Space:
    return {
        "optimizer": Choices(choices=("sgd", "adam", "adamw", "rmsprop")),
        "learning_rate": Range(low=1e-5, high=1.0, log=True),
        "momentum": MOMENTUM,
        "nesterov": Choices(choices=(False, True)),
        "optimizer.adam.beta1": Choices(choices=(0.8, 0.9, 0.95)),
        "optimizer.adam.beta2": Choices(choices=(0.9, 0.99, 0.999)),
        "optimizer.adam.eps": Range(low=1e-10, high=1e-2, log=True),
        "optimizer.adamw.beta1": Choices(choices=(0.8, 0.9, 0.95)),
        "optimizer.adamw.beta2": Choices(choices=(0.9, 0.99, 0.999)),
        "optimizer.adamw.eps": Range(low=1e-10, high=1e-2, log=True),
        "optimizer.rmsprop.alpha": Choices(choices=(0.9, 0.99, 0.999)),
        "optimizer.rmsprop.eps": Range(low=1e-10, high=1e-2, log=True),
        "optimizer.rmsprop.momentum": Choices(choices=(0.0, 0.9)),
        "weight_decay": WEIGHT_DECAY,
        "batch_size": _batches(num_train),
    }


def _batch_regimes(num_train: int | None) -> Space:
    sizes: tuple[Setting, ...] = _batches(num_train, sizes=(1, 8, 32, 128, 256)).choices
    if num_train is not None and num_train <= MOST_IN_ONE_BATCH:
        sizes = (*sizes, "full")
    return {
        "batch_size": Choices(choices=sizes),
        "batch_scaled_learning_rate": Range(low=1e-3, high=10.0, log=True),
        "momentum": MOMENTUM,
        "shuffle": Choices(choices=(True, False)),
    }


def _range_test(num_train: int | None) -> Space:
    del num_train
    return {"learning_rate": AUTO}


_ALL = (
    Preset(
        name="sgd-basic",
        description="The four settings that matter first: learning rate, momentum, weight decay, batch size.",
        source="Bengio 2012, Practical recommendations for gradient-based training of deep architectures "
        "(arXiv:1206.5533), 3.1; Goodfellow, Bengio, Courville 2016, Deep Learning, 8.3.",
        parameters=_sgd_basic,
    ),
    Preset(
        name="sgd-full",
        description="All of SGD: both velocities, Nesterov, dampening, decay, four schedules, warm-up, clipping.",
        source="The SGD of PyTorch and of Keras (their documentation); the Stanford UFLDL tutorial, Optimization: "
        "Stochastic Gradient Descent; Goodfellow et al. 2016, 8.3; warm-up: Goyal et al. 2017 (arXiv:1706.02677); "
        "clipping: Pascanu et al. 2013 (arXiv:1211.5063).",
        parameters=_sgd_full,
    ),
    Preset(
        name="sgd-schedules",
        description="Every schedule of the learning rate with its own parameters, and the ramp of the momentum.",
        source="The Stanford UFLDL tutorial (inverse_time, halve_on_slow, anneal_on_plateau, momentum 0.5 then 0.9); "
        "torch.optim.lr_scheduler; cosine: Loshchilov & Hutter 2017 (arXiv:1608.03983); one_cycle: Smith & Topin 2017 "
        "(arXiv:1708.07120), Smith 2018 (arXiv:1803.09820).",
        parameters=_sgd_schedules,
    ),
    Preset(
        name="optimizers",
        description="SGD against Adam, AdamW and RMSprop, each tuned by its own settings.",
        source="Goodfellow et al. 2016, Deep Learning, 8.5; Wilson et al. 2017, The marginal value of adaptive "
        "gradient methods (arXiv:1705.08292); Choi et al. 2019, On empirical comparisons of optimizers "
        "(arXiv:1910.05446), for tuning eps too; AdamW: Loshchilov & Hutter 2019 (arXiv:1711.05101).",
        parameters=_optimizers,
    ),
    Preset(
        name="batch-regimes",
        description="One example at a time, minibatches or all data at once, each at a learning rate that suits it.",
        source="Goodfellow et al. 2016, Deep Learning, 8.1.3; Bengio 2012 (arXiv:1206.5533); the linear scaling rule: "
        "Goyal et al. 2017, Accurate, large minibatch SGD (arXiv:1706.02677).",
        parameters=_batch_regimes,
    ),
    Preset(
        name="range-test",
        description="No search: brief trainings at many learning rates, their curve, and the bounds to search within.",
        source="Smith 2017, Cyclical learning rates for training neural networks (arXiv:1506.01186), 3.3.",
        parameters=_range_test,
    ),
)

PRESETS: Mapping[PresetName, Preset] = MappingProxyType({preset.name: preset for preset in _ALL})
"""The presets by name."""
