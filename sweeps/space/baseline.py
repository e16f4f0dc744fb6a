"""The plain settings that trial 0 tries: what every answer is compared with."""

from sweeps.space.coordinates import Coordinates
from trainer.config import CnnModel, MlpModel, ModelConfig, ProblemConfig, ResnetModel
from trainer.settings import DEFAULTS, Setting

PLAIN: dict[str, Setting] = {"learning_rate": 0.01, "momentum": 0.9, "batch_size": 32}


def baseline(problem: ProblemConfig) -> dict[str, Setting]:
    """Learning rate 0.01, momentum 0.9, batches of 32 and all else off, in settings and in coordinates.

    The model is as the problem says; so are a plugin's own settings.
    """
    own = {f"problem.{name}": value for name, value in problem.settings.items()}
    return BASELINE | own | (_of_model(problem.model) if problem.model is not None else {})


BASELINE: dict[str, Setting] = {**DEFAULTS} | PLAIN | Coordinates().model_dump()
"""Every setting and coordinate, but for those of models and plugins."""


def _of_model(model: ModelConfig) -> dict[str, Setting]:
    said: dict[str, Setting] = {}
    if isinstance(model, MlpModel):
        said = {"width": model.hidden[0], "depth": len(model.hidden)}
    elif isinstance(model, CnnModel | ResnetModel):
        said = {"width": model.channels[0], "depth": len(model.channels)}
    said |= model.model_dump(include={"activation", "dropout", "blocks"})
    return {f"model.{name}": value for name, value in said.items()}
