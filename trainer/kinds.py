"""Schedules, momentum schedules and optimizers, each kind with its own settings and their domains. Torch-free."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from trainer.frozen import Frozen

Factor: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
Share: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Threshold: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
Epochs: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]


class Constant(Frozen):
    """The learning rate stays as it is, but for lr_decay."""

    kind: Literal["constant"] = "constant"


class InverseTime(Frozen):
    """η_t = a / (b + t) with a = η0·b: the same curve as lr_decay = 1/b."""

    kind: Literal["inverse_time"] = "inverse_time"
    b: float = Field(default=1000.0, gt=0, le=1e12, description="Updates after which the learning rate is half.")


class HalveOnSlow(Frozen):
    """Constant at first; halved after each epoch in which the training loss improved too little."""

    kind: Literal["halve_on_slow"] = "halve_on_slow"
    threshold: Threshold = Field(
        default=0.01, description="The least improvement of the training loss from one epoch to the next, relative."
    )


class AnnealOnPlateau(Frozen):
    """Multiplied by a factor once the held-out loss has stopped improving (PyTorch's ReduceLROnPlateau)."""

    kind: Literal["anneal_on_plateau"] = "anneal_on_plateau"
    factor: Factor = Field(default=0.1, description="What the learning rate is multiplied by.")
    threshold: Threshold = Field(
        default=1e-3, description="The least improvement of the held-out loss on its best so far, relative."
    )
    patience: int = Field(default=1, ge=0, le=1_000_000, description="Epochs without improvement that are forgiven.")


class Step(Frozen):
    """Multiplied by gamma every few epochs (StepLR)."""

    kind: Literal["step"] = "step"
    epochs: Epochs = Field(default=10, description="Epochs from one drop to the next.")
    gamma: Factor = Field(default=0.1, description="What the learning rate is multiplied by at each drop.")


class Exponential(Frozen):
    """Multiplied by gamma after every epoch (ExponentialLR)."""

    kind: Literal["exponential"] = "exponential"
    gamma: Factor = Field(default=0.95, description="What the learning rate is multiplied by after each epoch.")


class Polynomial(Frozen):
    """(1 - t/T)^power over the T updates of the whole training (PolynomialLR)."""

    kind: Literal["polynomial"] = "polynomial"
    power: float = Field(default=1.0, gt=0, le=100, description="The exponent; 1 falls in a straight line.")


class Cosine(Frozen):
    """Half a cosine from 1 down to `final` over the T updates of the whole training (CosineAnnealingLR)."""

    kind: Literal["cosine"] = "cosine"
    final: Share = Field(default=0.0, description="The learning rate at the end, as a share of the first.")


class OneCycle(Frozen):
    """Up from 1/div_factor to 1 and down to 1/(div_factor·final_div_factor), both by cosine (OneCycleLR)."""

    kind: Literal["one_cycle"] = "one_cycle"
    pct_start: Factor = Field(default=0.3, description="The share of all updates in which the learning rate rises.")
    div_factor: float = Field(default=25.0, ge=1, le=1e6, description="learning_rate over the first rate.")
    final_div_factor: float = Field(default=1e4, ge=1, le=1e12, description="The first rate over the last.")


Schedule: TypeAlias = Annotated[
    Constant | InverseTime | HalveOnSlow | AnnealOnPlateau | Step | Exponential | Polynomial | Cosine | OneCycle,
    Field(discriminator="kind"),
]


class ConstantMomentum(Frozen):
    """The momentum stays as it is."""

    kind: Literal["constant"] = "constant"


class RampMomentum(Frozen):
    """`start` until the initial learning has stabilised, then `momentum`."""

    kind: Literal["ramp"] = "ramp"
    start: Share = Field(default=0.5, description="The momentum at first.")
    until: Literal["epoch", "stable"] = Field(
        default="epoch", description="epoch: after `epochs` epochs; stable: once the training loss has stabilised."
    )
    epochs: Epochs = Field(default=5, description="until epoch: how many epochs the first momentum lasts.")
    threshold: Threshold = Field(
        default=0.05, description="until stable: an improvement of the training loss below it, relative, is stable."
    )


MomentumSchedule: TypeAlias = Annotated[ConstantMomentum | RampMomentum, Field(discriminator="kind")]


class Sgd(Frozen):
    """Stochastic gradient descent; momentum, dampening, nesterov, velocity and momentum_schedule are its settings."""

    kind: Literal["sgd"] = "sgd"


class Adam(Frozen):
    """Adam (Kingma & Ba 2015), with weight_decay added to the gradient."""

    kind: Literal["adam"] = "adam"
    beta1: Share = Field(default=0.9, description="The decay of the mean of the gradient.")
    beta2: Share = Field(default=0.999, description="The decay of the mean of its square.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")


class AdamW(Frozen):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    beta1: Share = Field(default=0.9, description="The decay of the mean of the gradient.")
    beta2: Share = Field(default=0.999, description="The decay of the mean of its square.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")


class RmsProp(Frozen):
    """RMSprop (Tieleman & Hinton 2012) in PyTorch's form."""

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: Share = Field(default=0.99, description="The decay of the mean of the squared gradient.")
    eps: float = Field(default=1e-8, gt=0, le=1, description="What keeps the division from 0.")
    momentum: Share = Field(default=0.0, description="The share of the velocity that survives an update.")
    centered: bool = Field(default=False, description="Divide by the deviation instead of the root mean square.")


Optimizer: TypeAlias = Annotated[Sgd | Adam | AdamW | RmsProp, Field(discriminator="kind")]
