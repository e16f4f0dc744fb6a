"""The results as files: JSON with everything, Markdown with what a person reads."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks import (
    asking_cost,
    best_values,
    engine_speed,
    first_report,
    large_models,
    long_training,
    recorder_cost,
    service_cost,
    throughput,
    useful_steps,
    written_sweeps,
    written_training,
)
from benchmarks.bars import Bar, summary
from benchmarks.written_slots import many_slots


def write(folder: Path, *, results: Mapping[str, Any]) -> None:
    """Writes results.json and results.md into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(results))


def markdown(results: Mapping[str, Any]) -> str:
    """What is asked for beside what was measured, then the parts one after the other."""
    bars = [bar for part, found in BARS.items() if part in results for bar in found(results[part])]
    sections = [section(results[part]) for part, section in SECTIONS.items() if part in results]
    asked = [summary(bars)] if bars else []
    return "\n\n".join([_about(results["circumstances"]), *asked, *sections]) + "\n"


def _about(about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"# Measured {about['at']}\n\nCommit {about['commit']}, seed {about['seed']}; {about['cpu']}, "
        f"{len(about['cores'])} cores, {about['memory_gib']} GiB; {about['system']}; "
        f"Python {about['python']}; {versions}."
    )


SECTIONS: Mapping[str, Callable[[Any], str]] = MappingProxyType(
    {
        "throughput": written_sweeps.throughput,
        "long_training": written_sweeps.long_training,
        "best_values": written_training.best_values,
        "engine_speed": written_training.engine_speed,
        "large_models": written_training.large_models,
        "useful_steps": written_training.useful_steps,
        "service_cost": written_sweeps.service_cost,
        "recorder_cost": recorder_cost.written,
        "asking_cost": written_sweeps.asking_cost,
        "first_report": written_sweeps.first_report,
        "many_slots": many_slots,
    }
)
"""By part, in the order of the page."""

BARS: Mapping[str, Callable[[Any], Iterable[Bar]]] = MappingProxyType(
    {
        "throughput": throughput.bars,
        "long_training": long_training.bars,
        "best_values": best_values.bars,
        "engine_speed": engine_speed.bars,
        "large_models": large_models.bars,
        "useful_steps": useful_steps.bars,
        "service_cost": service_cost.bars,
        "recorder_cost": recorder_cost.bars,
        "asking_cost": asking_cost.bars,
        "first_report": first_report.bars,
    }
)
