"""Draws the plots of sweeps: reads what a plot needs, draws it, keeps the last few."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import Connection

from service.database.database import Database
from service.errors import InvalidRequest, NotFound
from service.records import Sweep
from service.stores import outcomes as outcome_rows
from service.views import BASELINE, find_sweep
from sweeps.insights.importance_question import Question, Ranked
from sweeps.insights.outcomes import FEWEST_TRIALS, evidence
from sweeps.plots.chosen_curves import chosen_curves
from sweeps.plots.kinds import KINDS, wants_shares
from sweeps.plots.material import Curve, Material
from sweeps.states import FINAL_TRIAL_STATES
from sweeps.wrong import FieldError, one_of

MOST_KEPT = 16


class Plots:
    """The plots of one database. `importances` works out which parameters matter, and may take a second.

    What was drawn is kept until the sweep has a new event, the importances until a trial ends.
    """

    def __init__(self, database: Database, *, importances: Callable[[Question], dict[str, float]]) -> None:
        self._database = database
        self._importances = importances
        self._kept = lru_cache(maxsize=MOST_KEPT)(self._draw)
        self._kept_shares = lru_cache(maxsize=MOST_KEPT)(self._shares)

    def figure(self, sweep_id: str, *, kind: str, metric: str | None = None) -> str:
        """A figure as JSON for plotly.js. `metric`: whose learning curves; None: those of the sweep's metric.

        Raises NotFound, InvalidRequest (no such metric) and Unavailable. Blocks: not for the event loop.
        """
        with self._database.read() as connection:
            sweep = find_sweep(connection, sweep_id)
            version = outcome_rows.version(connection, sweep_id)
        if kind not in KINDS:
            raise NotFound(f"There is no plot {kind[:50]}: {one_of(kind, known=KINDS)}.")
        if metric is not None and not KINDS[kind].curves:
            mend = "leave it out, or ask for learning_curves"
            fault = FieldError("metric", f"is not for {kind}", mend)
            raise InvalidRequest(str(fault), errors=(fault,))
        return self._kept(sweep_id, kind, metric, (version, sweep.range_test is not None))

    def _draw(self, sweep_id: str, kind: str, metric: str | None, _version: tuple[int, bool]) -> str:
        with self._database.read() as connection:
            sweep = find_sweep(connection, sweep_id)
            material = _material(connection, sweep)
            if KINDS[kind].curves:
                material = _with_curves(connection, sweep_id, material=material, metric=metric)
        if wants_shares(kind, num_parameters=len(material.parameters())):
            num_ended = sum(each.state in FINAL_TRIAL_STATES for each in material.outcomes)
            material = replace(material, shares=self._kept_shares(sweep_id, num_ended))
        return json.dumps(KINDS[kind].draw(material), allow_nan=False, separators=(",", ":"))

    def _shares(self, sweep_id: str, _num_ended: int) -> dict[str, float]:
        with self._database.read() as connection:
            sweep = find_sweep(connection, sweep_id)
            material = _material(connection, sweep)
        judged = evidence(material.outcomes, maximize=material.maximize)
        if len(judged) < FEWEST_TRIALS:
            return {}
        trials = [Ranked(settings=dict(outcome.settings), value=value) for outcome, value in judged]
        return self._importances(Question(spec=sweep.spec, trials=trials))


def _material(connection: Connection, sweep: Sweep) -> Material:
    first = list(sweep.spec.first)
    return Material(
        name=sweep.name,
        metric=sweep.spec.goal_metric,
        space=sweep.spec.search_space,
        outcomes=outcome_rows.of_sweep(connection, sweep.id),
        best=sweep.best_number,
        baseline=first.index(BASELINE) if BASELINE in first else None,
        range_test=sweep.range_test,
    )


def _with_curves(connection: Connection, sweep_id: str, *, material: Material, metric: str | None) -> Material:
    """Raises InvalidRequest where no epoch that is drawn has the metric."""
    name = metric or material.metric.name
    chosen = chosen_curves(material)
    curves: dict[int, dict[int, float | None]] = {number: {} for number in chosen.numbers}
    known: set[str] = set()
    for number, epoch, values in outcome_rows.metrics(connection, sweep_id, numbers=chosen.numbers, every=chosen.every):
        known |= values.keys()
        if name in values:
            curves[number][epoch] = values[name]
    if metric is not None and known and metric not in known:
        fault = FieldError("metric", f"no epoch reports {metric!r}", one_of(metric, known=known))
        raise InvalidRequest(str(fault), errors=(fault,))
    read: dict[int, Curve] = dict(curves)
    return replace(material, curve_metric=name, curves=read)
