"""Settings that contradict each other. Torch-free."""

from collections.abc import Iterator

from trainer.kinds import Constant, RampMomentum
from trainer.settings import SGD_ONLY, Settings


def check_conflicts(settings: Settings) -> None:
    """ValueError (`field: what; mend`) at the first setting that another one leaves without meaning."""
    for fault in _faults(settings):
        raise ValueError(fault)


def _faults(settings: Settings) -> Iterator[str]:
    kind = settings.optimizer.kind
    if settings.lr_decay and not isinstance(settings.schedule, Constant):
        yield (
            f"lr_decay: it is for the schedule constant, not {settings.schedule.kind}; leave lr_decay out, or choose "
            "the schedule inverse_time, the same curve with b = 1/lr_decay"
        )
    if kind != "sgd":
        yield from _settings_of_sgd(settings, kind=kind)
        return
    if settings.nesterov and settings.momentum == 0:
        yield "nesterov: it needs momentum; choose a momentum above 0, or leave nesterov out"
    if isinstance(settings.momentum_schedule, RampMomentum) and settings.momentum == 0:
        yield "momentum_schedule: the ramp leads up to momentum, which is 0; choose one above 0, or leave the ramp out"
    if settings.nesterov and settings.dampening:
        yield "nesterov: it goes with no dampening; leave dampening out, or nesterov"
    if settings.dampening and settings.velocity == "classical":
        yield "dampening: the classical velocity has none; leave dampening out, or choose velocity pytorch"


def _settings_of_sgd(settings: Settings, *, kind: str) -> Iterator[str]:
    for name in SGD_ONLY:
        if getattr(settings, name) != Settings.model_fields[name].default:
            own = (name, kind) == ("momentum", "rmsprop")
            instead = "set optimizer.rmsprop.momentum instead" if own else "leave it out"
            yield f"{name}: only the optimizer sgd has it, not {kind}; {instead}, or choose optimizer sgd"
