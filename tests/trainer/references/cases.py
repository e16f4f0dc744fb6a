"""Random settings for the comparisons with references that are not ours."""

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import assume
from hypothesis import strategies as st

from trainer.course.schedules import Course
from trainer.kinds import (
    Adam,
    AdamW,
    AnnealOnPlateau,
    Cosine,
    Exponential,
    HalveOnSlow,
    OneCycle,
    Optimizer,
    Polynomial,
    RampMomentum,
    RmsProp,
    Schedule,
    Step,
)
from trainer.settings import Settings

COURSE = Course(steps_per_epoch=5, epochs=6)
NUM_WEIGHTS = 7

RATES = st.floats(1e-4, 1.0)
DECAYS = st.sampled_from([0.0, 1e-4, 0.1])
FACTORS = st.floats(0.05, 0.95)


@dataclass(frozen=True)
class Rows:
    """Settings of rows that are stepped together, and the seed of their weights and gradients."""

    settings: tuple[Settings, ...]
    seed: int


@dataclass(frozen=True)
class Run:
    """A training of this length; `losses` are those after each epoch, to which schedules may listen."""

    settings: Settings
    course: Course
    losses: tuple[float, ...]


@st.composite
def sgd_settings(draw: st.DrawFn) -> Settings:
    """What torch.optim.SGD can do: it refuses nesterov without momentum or with dampening."""
    momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]))
    dampening = draw(st.sampled_from([0.0, 0.3, 1.0]))
    ramp = RampMomentum(start=draw(st.sampled_from([0.3, 0.5])), epochs=draw(st.integers(1, 4)))
    return Settings(
        learning_rate=draw(RATES),
        momentum=momentum,
        momentum_schedule=ramp if momentum and draw(st.booleans()) else Settings().momentum_schedule,
        dampening=dampening,
        nesterov=momentum > 0 and dampening == 0 and draw(st.booleans()),
        weight_decay=draw(DECAYS),
        lr_decay=draw(st.sampled_from([0.0, 1e-3, 0.5])),
    )


@st.composite
def keras_settings(draw: st.DrawFn) -> Settings:
    """What Keras' SGD can do without weight decay, whose own is decoupled."""
    return Settings(
        velocity="classical",
        learning_rate=draw(RATES),
        momentum=draw(st.sampled_from([0.0, 0.5, 0.9, 0.99])),
        nesterov=draw(st.booleans()),
        lr_decay=draw(st.sampled_from([0.0, 1e-3, 0.5])),
    )


def with_optimizer(optimizers: st.SearchStrategy[Optimizer]) -> st.SearchStrategy[Settings]:
    """Settings with one of these optimizers."""
    return st.builds(Settings, learning_rate=RATES, weight_decay=DECAYS, optimizer=optimizers)


_SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999])
_EPS = st.sampled_from([1e-8, 1e-3])
_ANY_ADAMS = st.builds(Adam, beta1=_SHARES, beta2=_SHARES, eps=_EPS)
ADAMS = _ANY_ADAMS.filter(lambda adam: adam.beta1**2 <= adam.beta2)
WILD_ADAMS = _ANY_ADAMS.filter(lambda adam: adam.beta1**2 > adam.beta2)
"""A long mean over a short deviation: where the last gradient is small the step is huge, and so is its rounding."""
ADAMWS = st.builds(AdamW, beta1=_SHARES, beta2=_SHARES, eps=_EPS).filter(lambda adam: adam.beta1**2 <= adam.beta2)
RMSPROPS = st.builds(
    RmsProp,
    alpha=st.sampled_from([0.5, 0.9, 0.99]),
    eps=_EPS,
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    centered=st.booleans(),
)


def rows(settings: st.SearchStrategy[Settings]) -> st.SearchStrategy[Rows]:
    """One to three rows with such settings."""
    several = st.lists(settings, min_size=1, max_size=3).map(tuple)
    return st.builds(Rows, settings=several, seed=st.integers(0, 2**31))


@st.composite
def runs(draw: st.DrawFn, *, schedules: st.SearchStrategy[Schedule], warmup: bool = False) -> Run:
    """A training of 2 to 60 updates with such a schedule; a warm-up takes whole updates, as LinearLR has it."""
    course = Course(steps_per_epoch=draw(st.integers(1, 6)), epochs=draw(st.integers(2, 10)))
    warmup_updates = draw(st.integers(1, course.num_updates)) if warmup else 0
    settings = Settings(
        learning_rate=draw(RATES),
        schedule=draw(schedules),
        warmup_epochs=warmup_updates / course.steps_per_epoch,
        warmup_start=draw(st.floats(0.001, 1.0)),
    )
    losses = draw(st.lists(st.floats(0.01, 10.0), min_size=course.epochs, max_size=course.epochs))
    return Run(settings=settings, course=course, losses=tuple(losses))


STEPS = st.builds(Step, epochs=st.integers(1, 4), gamma=FACTORS)
EXPONENTIALS = st.builds(Exponential, gamma=FACTORS)
POLYNOMIALS = st.builds(Polynomial, power=st.floats(0.1, 5.0))
COSINES = st.builds(Cosine, final=st.floats(0.0, 0.9))
ONE_CYCLES = st.builds(
    OneCycle, pct_start=st.floats(0.1, 0.9), div_factor=st.floats(1.0, 100.0), final_div_factor=st.floats(1.0, 1e4)
)
PLATEAUS = st.builds(
    AnnealOnPlateau, factor=FACTORS, threshold=st.sampled_from([0.0, 1e-3, 0.1, 0.5]), patience=st.integers(0, 3)
)


@st.composite
def halvings(draw: st.DrawFn) -> Run:
    """An improvement by exactly the threshold is enough for us and not for PyTorch."""
    run = draw(runs(schedules=st.builds(HalveOnSlow, threshold=st.sampled_from([0.01, 0.1, 0.3]))))
    assert isinstance(run.settings.schedule, HalveOnSlow)
    kept = 1 - run.settings.schedule.threshold
    assume(all(abs(after - kept * before) > 1e-9 for before, after in pairwise(run.losses)))
    return run


@st.composite
def one_cycles(draw: st.DrawFn) -> Run:
    """PyTorch divides by 0 where the peak falls exactly on the first update."""
    run = draw(runs(schedules=ONE_CYCLES))
    assert isinstance(run.settings.schedule, OneCycle)
    assume(run.settings.schedule.pct_start * run.course.num_updates != 1)
    return run


@st.composite
def impatient_runs(draw: st.DrawFn) -> Run:
    """A training that may end early."""
    run = draw(runs(schedules=STEPS))
    settings = Settings(
        early_stopping_patience=draw(st.integers(1, 4)),
        early_stopping_min_delta=draw(st.sampled_from([0.0, 0.1, 1.0])),
    )
    return Run(settings=settings, course=run.course, losses=run.losses)
