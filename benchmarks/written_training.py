"""What training showed, as Markdown: engines, large models, useful steps, best values."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.table import table


def engine_speed(measured: Sequence[Mapping[str, Any]]) -> str:
    """Trial-steps per second by engine."""
    head = ("network, batch size", "eager", "serial", "fused", "width", "against eager", "against serial")
    rows = (
        (
            f"{one['work']}, {one['batch_size']}",
            *(f"{one['medians'][engine]:,.0f}" for engine in ("eager", "serial", "fused")),
            one["width"],
            *(f"{one['ratios'][engine]:.2f} x" for engine in ("eager", "serial")),
        )
        for one in measured
    )
    told = "Trial-steps per second of two single-threaded processes; `parallel` 2, 2, and 2 x width."
    return f"## The engine alone\n\n{told}\n\n{table(head, rows=rows)}"


def large_models(measured: Sequence[Mapping[str, Any]]) -> str:
    """Ravine's whole sweeps beside bare loops."""
    head = ("network", "repeat", "Ravine", "two processes", "one process, two threads")
    rows = (
        (one["work"], repeat, *(f"{each[side]:.1f}" for side in ("ravine", "two_processes", "two_threads")))
        for one in measured
        for repeat, each in enumerate(one["each"])
    )
    told = "Trial-steps per second; `parallel` auto on Ravine's side, 2 or 1 on that of the bare loops."
    return f"## Where training dominates\n\n{told}\n\n{table(head, rows=rows)}"


def useful_steps(measured: Sequence[Mapping[str, Any]]) -> str:
    """What became of the row-steps."""
    kinds = ("changing", "kept", "changing_of_computed", "slots_in_use")
    about = ("work", "seed", "trials", "slots", "width")
    head = (*about, "change weights", "and are kept", "of those computed", "slots in use")
    rows = (
        (
            *(one[name] for name in ("work", "seed", "num_trials", "num_slots", "width")),
            *(f"{one['shares'][kind]:.1%}" for kind in kinds),
        )
        for one in measured
    )
    told = (
        "ASHA with mixed batch sizes, one engine, from the first hand-out to the last; what is answered or handed out "
        f"takes {1000 * measured[0]['latency_seconds']:.0f} ms. Shares of the row-steps that the slots could have made."
    )
    return f"## Row-steps that change weights\n\n{told}\n\n{table(head, rows=rows)}"


def best_values(measured: Sequence[Mapping[str, Any]]) -> str:
    """Ravine's less each peer's."""
    head = ("Ravine less", "trials", "parallel", "seeds", "Ravine, mean", "peer, mean", "difference", "95% interval")
    rows = (
        (
            one["peer"],
            one["num_trials"],
            " / ".join(str(side) for side in one["parallel"]),
            len(one["seeds"]),
            *(f"{sum(one[side]) / len(one[side]):.4f}" for side in ("ravine", "theirs")),
            f"{one['difference']['mean']:+.4f}",
            f"{one['difference']['low']:+.4f} to {one['difference']['high']:+.4f}",
        )
        for one in measured
    )
    return f"## Best values\n\n{table(head, rows=rows)}"
