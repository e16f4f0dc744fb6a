"""What is remembered of trials: all that a search is rebuilt from."""

from dataclasses import dataclass, field
from typing import Any

from sweeps.states import TrialState
from trainer.settings import Setting


@dataclass(frozen=True)
class TrialRecord:
    """One trial as the tables keep it.

    `settings` holds every parameter of the space that is active in this trial, by path, the fixed ones too, and the
    settings that coordinates among them led to.
    `values` are the metric's values by epoch (None: not finite). `attrs` are the sampler's attributes of the trial,
    JSON-able. `tell_number` counts the trials of the sweep in the order in which the sampler was told of them, from 0;
    None before that.
    """

    number: int
    state: TrialState
    settings: dict[str, Setting]
    values: dict[int, float | None] = field(default_factory=dict)
    attrs: dict[str, Any] = field(default_factory=dict)
    tell_number: int | None = None


@dataclass(frozen=True)
class Proposal:
    """Settings to try next, with the attributes that the trial and the whole study have from now on."""

    number: int
    settings: dict[str, Setting]
    attrs: dict[str, Any]
    study_attrs: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What changed when the sampler was told of a trial's end."""

    tell_number: int
    attrs: dict[str, Any]
    study_attrs: dict[str, Any]
