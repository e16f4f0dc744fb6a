"""Each rule with the reference it is compared with: what the tests run, and what the table in docs/sgd.md shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.trainer.references import cases
from tests.trainer.references.keras_sgd import (
    Keras,
    difference_of_inverse_time,
    difference_of_sgd,
    difference_of_stopping,
)
from tests.trainer.references.plain_loop import Training, difference_of_losses
from tests.trainer.references.pytorch import difference_of_clipping, difference_of_rates, difference_of_updates
from tests.trainer.references.theory import difference_of_heavy_ball, difference_of_plain_descent
from trainer.kinds import Constant, InverseTime
from trainer.settings import Settings


@dataclass(frozen=True)
class Check:
    """A rule of DESIGN 3, its settings, and how far from the reference it comes in one random case.

    `difference` is relative for numbers above 1, and as a share of η0 for rates; `bound` is what rounding in float64
    may leave of it.
    """

    rule: str
    settings: str
    reference: str
    cases: st.SearchStrategy[Any]
    difference: Callable[[Any], float]
    bound: float


def torch_checks() -> Sequence[Check]:
    """Against torch.optim, torch.optim.lr_scheduler and a plain loop of PyTorch."""
    trainings = st.builds(
        Training,
        batch_size=st.sampled_from([1, 7, 32, 107, "full"]),
        shuffle=st.booleans(),
        seed=st.integers(0, 2**31),
    )
    loop = Check(
        rule="batches, order, cross-entropy, held-out evaluation",
        settings="`batch_size` 1, 7, 32, 107, full; `shuffle`",
        reference="a plain loop with torch.optim.SGD",
        cases=trainings,
        difference=difference_of_losses,
        bound=1e-12,
    )
    return [*_torch_updates(), *_torch_rates(), loop]


def theory_checks() -> Sequence[Check]:
    """Against what is proven for quadratic functions."""
    theory = partial(Check, settings="`learning_rate`, `momentum`, `batch_size` full", cases=st.just(200))
    return [
        theory(
            rule="plain descent on the ravine, contraction per update",
            reference="(κ-1)/(κ+1) at η = 2/(L+μ)",
            difference=difference_of_plain_descent,
            bound=0.001,
        ),
        theory(
            rule="heavy ball on the ravine, contraction per update",
            reference="(√κ-1)/(√κ+1) at its best settings",
            difference=difference_of_heavy_ball,
            bound=0.015,
        ),
    ]


def _torch_updates() -> Sequence[Check]:
    update = partial(Check, difference=difference_of_updates)
    optimizers = (
        ("adam", "adam", "Adam", cases.ADAMS, 1e-12),
        ("adam, β1² above β2, which magnifies rounding", "adam", "Adam", cases.WILD_ADAMS, 1e-7),
        ("adamw", "adamw", "AdamW", cases.ADAMWS, 1e-12),
        ("rmsprop", "rmsprop", "RMSprop", cases.RMSPROPS, 1e-11),
    )
    limits = st.builds(Settings, gradient_clip_norm=st.sampled_from([0.0, 0.1, 1.0, 10.0]))
    return [
        update(
            rule="update, PyTorch form; momentum ramp by epoch",
            settings="`velocity` pytorch, `momentum`, `dampening`, `nesterov`, `weight_decay`, ramp",
            reference="torch.optim.SGD",
            cases=cases.rows(cases.sgd_settings()),
            bound=1e-12,
        ),
        *(
            update(
                rule=f"optimizer {rule}",
                settings=f"`optimizer` {kind} and its own, `weight_decay`",
                reference=f"torch.optim.{name}",
                cases=cases.rows(cases.with_optimizer(optimizer)),
                bound=bound,
            )
            for rule, kind, name, optimizer, bound in optimizers
        ),
        Check(
            rule="gradient clipping",
            settings="`gradient_clip_norm`",
            reference="torch.nn.utils.clip_grad_norm_",
            cases=cases.rows(limits),
            difference=difference_of_clipping,
            bound=1e-12,
        ),
    ]


def _torch_rates() -> Sequence[Check]:
    schedules = (
        ("step", "StepLR", cases.runs(schedules=cases.STEPS)),
        ("exponential", "ExponentialLR", cases.runs(schedules=cases.EXPONENTIALS)),
        ("polynomial", "PolynomialLR", cases.runs(schedules=cases.POLYNOMIALS)),
        ("cosine", "CosineAnnealingLR", cases.runs(schedules=cases.COSINES)),
        ("one_cycle", "OneCycleLR", cases.one_cycles()),
        ("halve_on_slow", "ReduceLROnPlateau against the epoch before", cases.halvings()),
        ("anneal_on_plateau", "ReduceLROnPlateau", cases.runs(schedules=cases.PLATEAUS)),
    )
    rate = partial(Check, difference=difference_of_rates, bound=1e-12)
    chained = st.one_of(st.builds(Constant), cases.STEPS, cases.EXPONENTIALS)
    return [
        *(
            rate(
                rule=f"schedule {kind}",
                settings=f"`schedule` {kind} and its own",
                reference=f"torch.optim.lr_scheduler.{name}",
                cases=drawn,
            )
            for kind, name, drawn in schedules
        ),
        rate(
            rule="warm-up, alone and times a schedule",
            settings="`warmup_epochs`, `warmup_start`",
            reference="torch.optim.lr_scheduler.LinearLR",
            cases=cases.runs(schedules=chained, warmup=True),
        ),
    ]


def keras_checks(keras: Keras) -> Sequence[Check]:
    """Against Keras, which answers from another process."""
    inverse_times = st.builds(InverseTime, b=st.floats(1.0, 1e4))
    return [
        Check(
            rule="update, classical form; decay",
            settings="`velocity` classical, `momentum`, `nesterov`, `lr_decay`",
            reference="keras.optimizers.SGD with InverseTimeDecay",
            cases=cases.rows(cases.keras_settings()),
            difference=partial(difference_of_sgd, keras=keras),
            bound=1e-12,
        ),
        Check(
            rule="schedule inverse_time",
            settings="`schedule` inverse_time, `schedule.inverse_time.b`",
            reference="keras InverseTimeDecay",
            cases=cases.runs(schedules=inverse_times),
            difference=partial(difference_of_inverse_time, keras=keras),
            bound=1e-12,
        ),
        Check(
            rule="early stopping (epochs)",
            settings="`early_stopping_patience`, `early_stopping_min_delta`",
            reference="keras.callbacks.EarlyStopping",
            cases=cases.impatient_runs(),
            difference=partial(difference_of_stopping, keras=keras),
            bound=0.0,
        ),
    ]
