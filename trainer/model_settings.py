"""The settings of the built-in models that a space may hold, by path: `model.width`. Torch-free."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field

from trainer.config import Activation, CnnModel, Dropout, LinearModel, ModelConfig, ProblemConfig, ResnetModel, Width
from trainer.frozen import Frozen
from trainer.settings import SETTINGS, Setting, Settings, settings_of

MAX_CHANNELS = 8192


class ModelSettings(Frozen):
    """What may be said of a model besides its kind; None: as the problem says."""

    width: Width | None = Field(
        default=None, description="Units of every hidden layer; channels of the first stage (doubled at each next one)."
    )
    depth: int | None = Field(default=None, ge=1, le=8, description="Hidden layers (mlp), stages (cnn, resnet).")
    activation: Activation | None = Field(default=None, description="relu, tanh, gelu or silu.")
    dropout: Dropout | None = Field(default=None, description="The share of units that each update leaves out.")
    blocks: int | None = Field(default=None, ge=1, le=16, description="Residual blocks in each stage (resnet).")


_OF_KIND = {
    "linear": (),
    "mlp": ("width", "depth", "activation", "dropout"),
    "cnn": ("width", "depth", "activation", "dropout"),
    "resnet": ("width", "depth", "activation", "dropout", "blocks"),
}

MODEL_SETTINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        kind: {f"model.{name}": ModelSettings.model_fields[name].description or "" for name in names}
        for kind, names in _OF_KIND.items()
    }
)
"""For each kind of model its settings by path, with one sentence each."""


def shaped(model: ModelConfig, *, settings: Mapping[str, Setting]) -> ModelConfig:
    """The model with what `settings` (by path) say of it; pydantic's ValidationError where a value is impossible."""
    said = ModelSettings.model_validate({path.removeprefix("model."): value for path, value in settings.items()})
    changes = said.model_dump(include={"activation", "dropout", "blocks"}, exclude_none=True)
    if isinstance(model, LinearModel):
        return model
    if isinstance(model, CnnModel | ResnetModel):
        first, num_stages = said.width or model.channels[0], said.depth or len(model.channels)
        if said.width is not None or said.depth is not None:
            changes["channels"] = tuple(min(first * 2**stage, MAX_CHANNELS) for stage in range(num_stages))
    elif said.width is not None or said.depth is not None:
        changes["hidden"] = (said.width or model.hidden[0],) * (said.depth or len(model.hidden))
    return model.model_copy(update=changes)


def folded(problem: ProblemConfig, *, settings: Mapping[str, Setting]) -> ProblemConfig:
    """One trial's problem: with what its settings (`model.width`, `problem.<own setting>`) say of model and plugin."""
    of_model = {path: value for path, value in settings.items() if path.startswith("model.")}
    own = {path.removeprefix("problem."): value for path, value in settings.items() if path.startswith("problem.")}
    changes: dict[str, object] = {}
    if of_model and problem.model is not None:
        changes["model"] = shaped(problem.model, settings=of_model)
    if own:
        changes["settings"] = problem.settings | own
    return problem.model_copy(update=changes) if changes else problem


def trained_by(problem: ProblemConfig, *, settings: Mapping[str, Setting]) -> tuple[ProblemConfig, Settings]:
    """What a trial of these settings trains, and how: coordinates are left to the settings that they led to."""
    how = settings_of({path: value for path, value in settings.items() if path in SETTINGS})
    return folded(problem, settings=settings), how
