"""Spaces with a name, for those who do not want to write one."""

from sweeps.parameters import Choices, Parameter, Range
from trainer.settings import Setting

PRESETS = ("sgd-basic",)
BATCH_SIZES = (16, 32, 64, 128)


def preset_space(preset: str, *, num_train: int) -> dict[str, Parameter]:
    """The parameters of a preset for `num_train` training examples: batches larger than the data are left out."""
    assert preset in PRESETS
    batch_sizes: tuple[Setting, ...] = tuple(size for size in BATCH_SIZES if size <= num_train)
    return {
        "learning_rate": Range(low=1e-4, high=1.0, log=True),
        "momentum": Range(low=0.0, high=0.99),
        "weight_decay": Range(low=1e-6, high=1e-2, log=True),
        "batch_size": Choices(choices=batch_sizes or ("full",)),
    }
