"""Where the training of small models rules: nothing is pruned, 40 epochs each. Against the hand-written script."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks import throughput
from benchmarks.bars import Bar
from benchmarks.throughput import SCRIPT, Form

ASKED = {"long, 64": 6.0, "long, 128-128": 3.0}
"""By work: how many times the script's rate."""

FULL = tuple(Form(num_trials=64, marginal_low=16, num_repeats=3, work=work) for work in ASKED)
QUICK = (Form(num_trials=4, marginal_low=2, num_repeats=1, work="long, 64"),)


def measure(forms: Sequence[Form], *, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """The sides of throughput, for each piece of work."""
    measured = []
    for form in forms:
        say(f"{form.work}:")
        measured.append(throughput.measure(form, ray_python=None, seed=seed, say=say))
    return measured


def bars(measured: Sequence[Mapping[str, Any]]) -> Iterator[Bar]:
    """Beside what is asked for: the rate from the first start until MLflow shows the last end, of sides that are warm.

    No rate between two ends: trials of one length that began together end together. The script's processes have
    imported, opened MLflow and trained an epoch before their first start; Ravine's is that of its second sweep.
    """
    for one in measured:
        work, got = one["form"]["work"], one["ratios"][SCRIPT]["rate_once_started"]
        what = f"no pruning, 40 epochs, MLP {work.removeprefix('long, ')}: trials a second against {SCRIPT}"
        yield Bar(what, asked=ASKED[work], got=got)
