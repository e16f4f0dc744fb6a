"""What is asked of a figure, and whether it is reached."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from benchmarks.table import table


@dataclass(frozen=True)
class Bar:
    """A figure beside its bar. `unit` x: how many times the peer's; `at_most`: the bar is an upper one."""

    what: str
    asked: float
    got: float
    unit: Literal["x", "%", "ms", "s", "examples"] = "x"
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the figure is as good as the bar."""
        return self.got <= self.asked if self.at_most else self.got >= self.asked

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """What, bar, measured, measured by bar, reached."""
        of_the_bar = f"{self.got / self.asked:.2f}" if self.asked > 0 else "-"
        return self.what, self._said(self.asked), self._said(self.got), of_the_bar, "yes" if self.reached else "no"

    def _said(self, figure: float) -> str:
        return f"{figure:.3g} {self.unit}"


def summary(bars: Iterable[Bar]) -> str:
    """The table that the README quotes."""
    return table(("what", "bar", "measured", "measured / bar", "reached"), rows=(bar.row for bar in bars))
