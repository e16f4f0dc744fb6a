"""The parameters of a space: a fixed value, a choice, or a range of numbers."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, TypeAlias, TypeGuard

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from sweeps.wrong import wrong
from trainer.frozen import Frozen
from trainer.settings import Setting

SettingName: TypeAlias = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.]+$")]

Count: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=100_000)]

AUTO = "auto"
"""The learning rate of a space whose bounds a range test finds."""

MAX_TEXT = 200
STEP_TOLERANCE = 1e-8
"""How far, in steps, a number may be from a whole step; Optuna's."""
MAX_STEPS = 1e6
"""Steps from 0 to the far end of a range: beyond it a double is no longer as near to a step as it must be."""


def same(one: object, other: object) -> bool:
    """Equal as settings: 16 and 16.0 are, 1 and true are not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def plain(value: Any) -> Any:
    """The value, if it can be one of a setting's; raises the error of `wrong`."""
    if isinstance(value, dict):
        raise wrong("is an object", mend="give one value; a schedule or an optimizer is written {kind: ...}")
    if not isinstance(value, bool | int | float | str):
        raise wrong("is neither a number, a text nor true or false", mend="give one value, choices, or low and high")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong(f"{value} is not a finite number", mend="give a finite number")
    if isinstance(value, int) and abs(value) > 10**18:
        raise wrong("is too large a number", mend="give a number below 1e18")
    if isinstance(value, str) and (len(value) > MAX_TEXT or not value.isprintable()):
        raise wrong(f"is longer than {MAX_TEXT} characters or not printable", mend="give a short, plain text")
    return value


Scalar: TypeAlias = Annotated[Setting, BeforeValidator(plain)]
Number: TypeAlias = Annotated[float, Field(strict=True, ge=-1e18, le=1e18)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Condition: TypeAlias = Annotated[
    dict[
        SettingName,
        Annotated[
            tuple[Scalar, ...],
            Field(min_length=1, max_length=50),
            BeforeValidator(_as_list, json_schema_input_type=Setting | list[Setting]),
        ],
    ],
    Field(max_length=20),
]


class Choices(Frozen):
    """One of several values. Active only where every parameter in `when` has one of the values given there."""

    choices: tuple[Scalar, ...] = Field(max_length=256)
    when: Condition = Field(default_factory=dict)

    @model_validator(mode="after")
    def _distinct(self) -> "Choices":
        if not self.choices:
            raise wrong("choices is empty", mend="list at least one value, or leave the parameter out")
        seen: list[Setting] = []
        for choice in self.choices:
            if any(choice == other for other in seen):
                raise wrong(f"choices holds {choice!r} twice", mend="list each value once")
            seen.append(choice)
        return self

    def contains(self, value: Setting) -> bool:
        """Whether `value` can be drawn."""
        return any(same(value, choice) for choice in self.choices)

    def points(self) -> Iterator[Setting]:
        """Every value that can be drawn."""
        return iter(self.choices)

    def nearest(self, value: Setting) -> Setting:
        """The choice closest to `value`: itself, else by ratio where all numbers are positive, else by difference."""
        for choice in self.choices:
            if same(choice, value):
                return choice
        numbers = [choice for choice in self.choices if _is_number(choice)]
        if not _is_number(value) or not numbers:
            return self.choices[0]
        by_ratio = min(*numbers, value) > 0
        return min(numbers, key=lambda number: _distance(number, value, by_ratio=by_ratio))


class Range(Frozen):
    """Numbers from `low` to `high`, both included: on a log scale, in steps from `low`, or whole numbers only."""

    low: Number
    high: Number
    log: bool = Field(default=False, strict=True)
    step: Annotated[float, Field(strict=True, gt=0, le=1e18)] | None = None
    integer: bool = Field(default=False, strict=True)
    when: Condition = Field(default_factory=dict)

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        if self.low > self.high:
            raise wrong(f"low {self.low:g} is above high {self.high:g}", mend="swap low and high")
        if self.log and self.low <= 0:
            raise wrong(f"log with low {self.low:g}", mend="give a low above 0, or leave log out")
        if self.log and self.step is not None:
            raise wrong("log and step exclude each other", mend="leave one of them out")
        if self.step is not None and max(-self.low, self.high) / self.step > MAX_STEPS:
            raise wrong(f"step {self.step:g} is too small for this range", mend="give a larger step, or leave it out")
        wholes = (self.low, self.high, self.step or 1.0)
        if self.integer and not all(number.is_integer() for number in wholes):
            raise wrong("integer with a low, high or step that is not whole", mend="give whole numbers")
        return self

    @property
    def spacing(self) -> float | None:
        """The distance between neighbouring values; None for a continuous range."""
        return self.step if self.step is not None else (1.0 if self.integer else None)

    @property
    def top(self) -> float:
        """The highest value that can be drawn: `high`, or the last step below it."""
        if self.spacing is None:
            return self.high
        low, step = Decimal(str(self.low)), Decimal(str(self.spacing))
        return float(low + (Decimal(str(self.high)) - low) // step * step)

    def typed(self, number: float) -> Setting:
        """`number` as an int where the range is one of whole numbers."""
        return round(number) if self.integer else float(number)

    def contains(self, value: Setting) -> bool:
        """Whether `value` can be drawn."""
        if not _is_number(value) or not self.low <= value <= self.top:
            return False
        if self.spacing is None:
            return True
        steps = (value - self.low) / self.spacing
        return abs(steps - round(steps)) < STEP_TOLERANCE

    def num_points(self) -> int | None:
        """How many values can be drawn; None for a continuous range."""
        return None if self.spacing is None else round((self.top - self.low) / self.spacing) + 1

    def points(self) -> Iterator[Setting]:
        """Every value that can be drawn, of a range in steps, one after the other: there may be very many."""
        num_points = self.num_points()
        assert num_points is not None
        assert self.spacing is not None
        low, step = Decimal(str(self.low)), Decimal(str(self.spacing))
        return (self.typed(float(low + index * step)) for index in range(num_points))

    def nearest(self, value: Setting) -> Setting:
        """The point closest to `value`, on a log scale by ratio; `low` for what is no number."""
        if not _is_number(value):
            return self.typed(self.low)
        inside = min(max(value, self.low), self.top)
        if self.spacing is None:
            return self.typed(inside)
        low, step = Decimal(str(self.low)), Decimal(str(self.spacing))
        below = low + (Decimal(str(inside)) - low) // step * step
        around = [float(below), min(float(below + step), self.top)]
        return self.typed(min(around, key=lambda number: _distance(number, inside, by_ratio=self.log)))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distance(one: Any, other: Any, *, by_ratio: bool) -> float:
    return float(max(one, other) / min(one, other)) if by_ratio else abs(one - other)


def _form(value: Any) -> str:
    if isinstance(value, Choices) or (isinstance(value, dict) and "choices" in value):
        return "choices"
    return "range" if isinstance(value, Range | dict) else "fixed"


Parameter: TypeAlias = Annotated[
    Annotated[Choices, Tag("choices")] | Annotated[Range, Tag("range")] | Annotated[Scalar, Tag("fixed")],
    Discriminator(_form),
]
"""A fixed value, `choices`, or `low` and `high`."""
