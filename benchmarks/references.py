"""The table of docs/sgd.md: how far our rules come from references that are not ours.

`python -m benchmarks.references` draws many random cases of each check that the tests run too, always the same ones,
and writes the largest difference into the page.
"""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings

from tests.trainer.references.checks import Check, keras_checks, theory_checks, torch_checks
from tests.trainer.references.keras_sgd import Keras

PAGE = Path(__file__).parents[1] / "docs" / "sgd.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"


def largest_difference(check: Check, *, num_cases: int) -> float:
    """Over random cases in an order that is always the same."""
    found = [0.0]

    @settings(
        max_examples=num_cases, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=check.cases)
    def measure(case: Any) -> None:
        found.append(check.difference(case))

    measure()
    return max(found)


def written(page: str, *, lines: Iterable[str]) -> str:
    """The page with these lines between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}" + "\n".join(lines) + f"\n{END}{after}"


def _lines(checks: Sequence[Check], *, num_cases: int) -> Iterable[str]:
    for check in checks:
        difference = largest_difference(check, num_cases=num_cases)
        assert difference <= check.bound, check.rule
        yield f"| {check.rule} | {check.settings} | {check.reference} | {num_cases} | {difference:.1e} |"


def main() -> None:
    """Measure all, and write the page."""
    torch.set_num_threads(1)
    lines = ["| rule | settings | reference | cases | largest difference |", "|---|---|---|---|---|"]
    lines += _lines(torch_checks(), num_cases=500)
    with TemporaryDirectory() as folder, Keras(Path(folder)) as keras:
        lines += _lines(keras_checks(keras), num_cases=100)
    lines += _lines(theory_checks(), num_cases=1)
    lines += ["", f"Measured with torch {version('torch')} and keras {version('keras')}."]
    PAGE.write_text(written(PAGE.read_text(), lines=lines))


if __name__ == "__main__":
    main()
