"""What the API answers about problems."""

from typing import Literal

from service.schemas import Answer


class PresetAnswer(Answer):
    """A space by name: what it is for, and the texts that it comes from."""

    description: str
    source: str


class ProblemAnswer(Answer):
    """Something that can be trained. `settings` describes each setting that a space may hold, `presets` each space.

    `digest` pins its content; null for what ships with Ravine.
    """

    name: str
    kind: Literal["dataset", "plugin"]
    task: str
    models: list[str]
    metrics: list[str]
    settings: dict[str, str]
    presets: dict[str, PresetAnswer]
    source: str
    digest: str | None
