"""The settings at which a sweep's learning rates are tested before its search begins."""

from sweeps.space.baseline import baseline
from sweeps.space.coordinates import derived
from sweeps.space.search_space import SearchSpace
from sweeps.spec import SweepSpec, parameters_of
from trainer.settings import Setting

PLAIN_COURSE: dict[str, Setting] = {"schedule": "constant", "warmup_epochs": 0.0, "lr_decay": 0.0}
"""In a range test the rate is what differs: nothing else may move it."""


def tested_settings(spec: SweepSpec) -> dict[str, Setting]:
    """All but the learning rate, by path: the point of a resolved spec's space nearest to the baseline, model too."""
    parameters = {name: each for name, each in parameters_of(spec).items() if name != "learning_rate"}
    nearest = derived(SearchSpace(parameters).nearest(baseline(spec.problem)), num_train=spec.num_train)
    return {name: value for name, value in nearest.items() if not name.startswith("schedule.")} | PLAIN_COURSE
