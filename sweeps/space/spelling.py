"""How a space may be written: a schedule or an optimizer with its own parameters inside, as one object.

    schedule: {choices: [constant, {kind: inverse_time, b: {low: 10, high: 1e4, log: true}}]}

stands for the flat paths `schedule` and `schedule.inverse_time.b`; a parsed space holds these alone.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sweeps.space.parameters import Condition, Parameter, Range, Scalar, SettingName
from sweeps.wrong import wrong
from trainer.settings import KINDS

Path: TypeAlias = str


class WrittenKind(BaseModel):
    """A kind with some of its own parameters: `{kind: cosine, final: 0.1}`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Parameter]

    kind: str
    when: Condition = Field(default_factory=dict)


class WrittenChoices(BaseModel):
    """One of several values or kinds. Active only where every parameter in `when` has one of the values given there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    choices: tuple[Scalar | WrittenKind, ...] = Field(min_length=1, max_length=256)
    when: Condition = Field(default_factory=dict)


WrittenSpace: TypeAlias = Annotated[
    dict[SettingName, WrittenKind | WrittenChoices | Range | Scalar], Field(min_length=1, max_length=100)
]
"""What a space looks like as JSON; only its schema is used, `spelled_out` reads it."""


def spelled_out(space: Any) -> Any:
    """A space as it was written, with flat paths alone. What is of no known form stays, to be refused by its model."""
    if not isinstance(space, Mapping):
        return space
    flat: dict[Path, Any] = {}
    for name, written in space.items():
        for path, parameter in _parts(name, written) if name in KINDS else ((name, written),):
            if path in flat or (path != name and path in space):
                raise wrong("is said twice", mend="say it once: by its path, or inside", at=path)
            flat[path] = parameter
    return flat


def _parts(name: str, written: Any) -> Iterator[tuple[Path, Any]]:
    if not isinstance(written, Mapping):
        yield name, written
    elif "kind" in written:
        condition = written.get("when")
        yield name, {"choices": [written["kind"]], "when": condition} if condition else written["kind"]
        yield from _own(name, written, apart=("kind", "when"))
    elif isinstance(choices := written.get("choices"), list | tuple):
        named = [each["kind"] if _is_kind(each) else each for each in choices]
        yield name, {**written, "choices": named}
        counts = Counter(each for each in named if isinstance(each, str))
        for each in filter(_is_kind, choices):
            if counts[each["kind"]] > 1:
                mend = "list it once, with choices or a range for what differs"
                raise wrong(f"choices holds {str(each['kind'])[:50]} twice", mend=mend, at=name)
            yield from _own(name, each, apart=("kind",))
    else:
        yield name, written


def _own(name: str, kind: Mapping[str, Any], *, apart: tuple[str, ...]) -> Iterator[tuple[Path, Any]]:
    for parameter, value in kind.items():
        if parameter not in apart:
            yield f"{name}.{kind['kind']}.{parameter}", value


def _is_kind(choice: Any) -> bool:
    return isinstance(choice, Mapping) and isinstance(choice.get("kind"), str)
