"""The files that belong to a run, worked out from the records of a sweep. Pure: nothing here knows MLflow."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import yaml

from service.plots.plot_page import whole_page
from service.records import Attempt, Sweep
from service.stores.attempts import HANDED_BACK, PAUSED
from sweeps.plots.material import Material
from sweeps.plots.range_test import draw_range_test
from sweeps.space.search_space import SearchSpace

SPEC_FILE = "sweep.yaml"
RANGE_TEST_FILE = "range_test.json"
RANGE_TEST_PAGE = "range_test.html"
TRACEBACK_FILE = "traceback.txt"


@dataclass(frozen=True)
class Artifact:
    """A text beside a run, made when it is wanted; what it holds never changes under one name."""

    name: str
    text: Callable[[], str]


def sweep_artifacts(sweep: Sweep) -> tuple[Artifact, ...]:
    """The files of a parent run."""
    found = [Artifact(SPEC_FILE, lambda: spec_text(sweep))]
    if (curve := sweep.range_test) is not None:
        found.append(Artifact(RANGE_TEST_FILE, lambda: curve.model_dump_json(indent=2)))
        found.append(Artifact(RANGE_TEST_PAGE, lambda: _range_test_page(sweep)))
    return tuple(found)


def failure_artifacts(attempts: Sequence[Attempt]) -> tuple[Artifact, ...]:
    """Why each attempt at a FAILED trial ended, with its traceback where it raised."""
    blamed = [one for one in attempts if one.how not in (None, HANDED_BACK, PAUSED)]
    told = [f"attempt {count} on worker {one.worker_id}:\n{one.how}" for count, one in enumerate(blamed, start=1)]
    return (Artifact(TRACEBACK_FILE, lambda: "\n\n".join(told) + "\n"),) if told else ()


def spec_text(sweep: Sweep) -> str:
    """The spec as YAML, ready to be posted again."""
    return yaml.safe_dump(sweep.spec.model_dump(mode="json", by_alias=True), sort_keys=False)


def _range_test_page(sweep: Sweep) -> str:
    """The figure as a page that MLflow's UI shows, plotly.js included."""
    drawn = Material(
        name=sweep.name,
        metric=sweep.spec.goal_metric,
        space=SearchSpace({}),
        outcomes=(),
        range_test=sweep.range_test,
    )
    return whole_page(json.dumps(draw_range_test(drawn)), title=f"{sweep.name}: range test")
