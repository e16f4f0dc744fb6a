"""The same by torch.optim and torch.optim.lr_scheduler."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from torch.optim import lr_scheduler as torch_schedules

from tests.trainer.references.cases import Rows, Run
from tests.trainer.references.ours import paces, rates_of, starts_and_gradients, weights_after_each_update
from trainer import kinds as ours
from trainer.settings import Settings
from trainer.updates.clipping import Clipping


def difference_of_updates(rows: Rows) -> float:
    """The largest relative difference of a weight after any update."""
    theta, gradients = starts_and_gradients(rows)
    each = [_weights_of_row(row, theta=theta[i], gradients=gradients[:, i]) for i, row in enumerate(rows.settings)]
    return largest(weights_after_each_update(rows), expected=torch.stack(each, dim=1))


def largest(got: Tensor, *, expected: Tensor) -> float:
    """The largest difference, relative where the expected number is above 1."""
    return float(((got - expected).abs() / expected.abs().clamp(min=1)).max())


def _weights_of_row(row: Settings, *, theta: Tensor, gradients: Tensor) -> Tensor:
    weights = nn.Parameter(theta.clone())
    optimizer = _optimizer(row, weights=weights)
    after = []
    for gradient, pace in zip(gradients, paces(row), strict=True):
        optimizer.param_groups[0]["lr"] = pace.learning_rate
        if isinstance(optimizer, SGD):
            optimizer.param_groups[0]["momentum"] = pace.momentum
        weights.grad = gradient.clone()
        optimizer.step()
        after.append(weights.detach().clone())
    return torch.stack(after)


def _optimizer(row: Settings, *, weights: nn.Parameter) -> Optimizer:
    shared: dict[str, Any] = {"lr": row.learning_rate, "weight_decay": row.weight_decay}
    match row.optimizer:
        case ours.Adam(beta1=beta1, beta2=beta2, eps=eps):
            return Adam([weights], betas=(beta1, beta2), eps=eps, **shared)
        case ours.AdamW(beta1=beta1, beta2=beta2, eps=eps):
            return AdamW([weights], betas=(beta1, beta2), eps=eps, **shared)
        case ours.RmsProp() as optimizer:
            return RMSprop([weights], **optimizer.model_dump(exclude={"kind"}), **shared)
    keywords = row.model_dump(include={"momentum", "dampening", "nesterov"})
    return SGD([weights], **keywords, **shared)


def difference_of_clipping(rows: Rows) -> float:
    """The largest difference of a gradient clipped to its row's gradient_clip_norm, against clip_grad_norm_."""
    _, gradients = starts_and_gradients(rows)
    limits = [row.gradient_clip_norm for row in rows.settings]
    got = torch.stack([Clipping(limits, like=gradient).clipped(gradient) for gradient in gradients])
    expected = gradients.clone()
    for now in expected:
        for gradient, limit in zip(now, limits, strict=True):
            pieces = [nn.Parameter(piece.clone()) for piece in torch.split(gradient, 3)]
            for piece in pieces:
                piece.grad = piece.detach().clone()
            nn.utils.clip_grad_norm_(pieces, limit or float("inf"))
            gradient.copy_(torch.cat([piece.grad for piece in pieces if piece.grad is not None]))
    return largest(got, expected=expected)


def difference_of_rates(run: Run) -> float:
    """The largest difference of a learning rate, as a share of the first."""
    weights = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = SGD([weights], lr=run.settings.learning_rate)
    by_update, by_epoch = _schedulers(run, optimizer=optimizer)
    expected = []
    for loss in run.losses:
        for _ in range(run.course.steps_per_epoch):
            expected.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            for step in by_update:
                step()
        for listen in by_epoch:
            listen(loss)
    got = torch.tensor(rates_of(run), dtype=torch.float64)
    differences = (got - torch.tensor(expected, dtype=torch.float64)).abs() / run.settings.learning_rate
    return float(differences.max())


def _schedulers(run: Run, *, optimizer: Optimizer) -> tuple[list[Callable[[], None]], list[Callable[[float], None]]]:
    """What torch does after each update, and after each epoch with its loss."""
    settings, end = run.settings, run.course.num_updates
    by_update: list[Callable[[], None]] = []
    by_epoch: list[Callable[[float], None]] = []
    if settings.warmup_epochs:
        total = round(settings.warmup_epochs * run.course.steps_per_epoch)
        linear = torch_schedules.LinearLR(optimizer, settings.warmup_start, 1.0, total_iters=total)
        by_update.append(linear.step)
    match settings.schedule:
        case ours.Step(epochs=epochs, gamma=gamma):
            stairs = torch_schedules.StepLR(optimizer, step_size=epochs, gamma=gamma)
            by_epoch.append(lambda _: stairs.step())
        case ours.Exponential(gamma=gamma):
            exponential = torch_schedules.ExponentialLR(optimizer, gamma=gamma)
            by_epoch.append(lambda _: exponential.step())
        case ours.HalveOnSlow(threshold=threshold):
            by_epoch.append(_against_the_epoch_before(threshold, optimizer=optimizer))
        case ours.AnnealOnPlateau() as schedule:
            keywords = schedule.model_dump(exclude={"kind"})
            plateau = torch_schedules.ReduceLROnPlateau(
                optimizer, mode="min", threshold_mode="rel", eps=0.0, **keywords
            )
            by_epoch.append(plateau.step)
        case ours.Polynomial(power=power):
            by_update.append(torch_schedules.PolynomialLR(optimizer, total_iters=end, power=power).step)
        case ours.Cosine(final=final):
            low = final * settings.learning_rate
            by_update.append(torch_schedules.CosineAnnealingLR(optimizer, T_max=end, eta_min=low).step)
        case ours.OneCycle() as schedule:
            by_update.append(_one_cycle(run, schedule=schedule, optimizer=optimizer))
    return by_update, by_epoch


def _against_the_epoch_before(threshold: float, *, optimizer: Optimizer) -> Callable[[float], None]:
    """ReduceLROnPlateau that halves, and compares with the last epoch in the place of the best."""
    plateau = torch_schedules.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=threshold, eps=0.0)

    def listen(loss: float) -> None:
        plateau.step(loss)
        plateau.best = loss

    return listen


def _one_cycle(run: Run, *, schedule: ours.OneCycle, optimizer: Optimizer) -> Callable[[], None]:
    cycle = torch_schedules.OneCycleLR(
        optimizer,
        max_lr=run.settings.learning_rate,
        total_steps=run.course.num_updates,
        cycle_momentum=False,
        **schedule.model_dump(exclude={"kind"}),
    )
    # After the last update it has nothing left to say, and raises.
    return lambda: cycle.step() if cycle.last_epoch < run.course.num_updates - 1 else None
