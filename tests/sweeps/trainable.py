"""Whether the trainer can train what a search proposed."""

from collections.abc import Mapping

from sweeps.space.parameters import same
from trainer.catalog import DATASETS, check_settings
from trainer.config import MlpModel, ProblemConfig
from trainer.model_settings import folded
from trainer.settings import SETTINGS, Setting, Settings, paths_of, settings_of

PROBLEM = ProblemConfig(dataset="digits", model=MlpModel())


def assert_trainable(settings: Mapping[str, Setting]) -> Settings:
    """The typed form of settings by path, which holds each value as it was given; the trainer's error where not."""
    folded(PROBLEM, settings=settings)
    typed = settings_of({path: value for path, value in settings.items() if path in SETTINGS})
    held = paths_of(typed)
    assert all(same(held[path], value) for path, value in settings.items() if path in SETTINGS)
    if not typed.nesterov or typed.momentum > 0:  # a draw at the very edge of a space moves like plain SGD
        check_settings(typed.model_copy(update={"batch_size": "full"}), facts=DATASETS["digits"])
    return typed
