"""Counts what becomes of the updates of single trials (row-steps) that an engine computes."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class RowSteps:
    """Row-steps, by what they were good for. All but `thrown_away` are counted as they are computed.

    `computed`: rows that a stack computed, idle ones of a fixed width too, times updates. `changing`: those that
    changed the weights of a trial in training; not the idle rows, nor what a row did after its loss exploded.
    `thrown_away`: changing ones after the epoch that a STOP spoke about, made while it was on its way. `possible`: what
    the slots would have made had none been empty: `computed` by the share of slots in use at that moment.

    What a trial did up to its STOP is no loss: it is what the verdict was found by. `row_seconds` are rows times the
    seconds that they had a slot, `seconds` those since the first had one.
    """

    num_slots: int
    computed: int = 0
    changing: int = 0
    thrown_away: int = 0
    possible: float = 0.0
    row_seconds: float = 0.0
    seconds: float = 0.0
    num_rows: int = 0
    _looked_at: float | None = None

    def moved(self, by: int, *, now: float) -> None:
        """So many rows took a slot (below 0: left it), at this time in seconds."""
        if self._looked_at is not None:
            self.row_seconds += self.num_rows * (now - self._looked_at)
            self.seconds += now - self._looked_at
        self._looked_at = now
        self.num_rows += by

    def made(self, updates: Sequence[int], *, num_computed: int) -> None:
        """A stack computed so many rows; these are the updates of those in training."""
        computed = max(updates, default=0) * num_computed
        self.computed += computed
        self.changing += sum(updates)
        self.possible += computed * self.num_slots / self.num_rows

    def counts(self) -> dict[str, float]:
        """What was counted, by name."""
        return {name: count for name, count in vars(self).items() if not name.startswith("_")}

    def shares(self) -> dict[str, float]:
        """Of what the slots could have made: changing, and kept; of the computed: changing; of the slots: in use."""
        return {
            "changing": self.changing / self.possible,
            "kept": (self.changing - self.thrown_away) / self.possible,
            "changing_of_computed": self.changing / self.computed,
            "slots_in_use": self.row_seconds / (self.num_slots * self.seconds),
        }
