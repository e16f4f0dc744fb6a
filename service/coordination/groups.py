"""The groups of one sweep's trials, the engine of each, and those of which the engine is still to be found.

A copy of the tables' rows, like the desk on which it lies.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from service.engine_records import GroupEngine
from service.records import Trial
from sweeps.spec import SweepSpec
from trainer.group import EngineName, group_of
from trainer.model_settings import trained_by
from trainer.settings import Setting

TRIALS_BEFORE_PROBE = 2
"""A group that comes once only is not worth a probe."""

AWAIT_PROBE_SECONDS = 10.0
"""So long, in a sweep with stacks, trials of a group wait for its engine rather than be stamped serial."""

UNCOMPARED = "no probe had compared the engines for its group when it was handed out"
"""Why a trial is serial of which nothing else is to be said."""


@dataclass
class _Unknown:
    """A group without an engine: its first trial, how many were handed out, since when a probe is due."""

    first: Trial
    num_trials: int = 0
    due_since: float | None = None


class Groups:
    """`handed` are the trials that were handed out before; times are a step's `now`."""

    def __init__(self, spec: SweepSpec, *, engines: Iterable[GroupEngine] = (), handed: Iterable[Trial] = ()) -> None:
        self.has_report = False
        self._problem, self._metric, self._engine = spec.problem, spec.goal_metric, spec.engine
        self._precision = spec.precision
        self._ids: dict[tuple[tuple[str, Setting], ...], str] = {}
        self._engines = {one.group_id: one for one in engines}
        self._unknown: dict[str, _Unknown] = {}
        self._stacked_since: float | None = None
        if spec.engine == "fused" or any(one.engine == "fused" for one in self._engines.values()):
            self._stacked_since = 0.0
        for trial in handed:
            self.note_handed(trial)

    @property
    def is_stacked(self) -> bool:
        """Whether the sweep has trials that are rows of stacks, or will."""
        return self._stacked_since is not None

    def id_of(self, trial: Trial) -> str:
        """The group of a trial: worked out once for all that say the same of model, optimizer and batch size."""
        said = tuple(pair for pair in trial.settings.items() if _makes_groups(pair[0]))
        if said not in self._ids:
            problem, settings = trained_by(self._problem, settings=trial.settings)
            self._ids[said] = group_of(problem, settings=settings, metric=self._metric, precision=self._precision)
        return self._ids[said]

    def engine_of(self, trial: Trial) -> EngineName:
        """The engine that trains a trial which is handed out now for the first time."""
        if self._engine != "auto":
            return self._engine
        known = self._engines.get(self.id_of(trial))
        return "serial" if known is None else known.engine

    def why_serial(self, trial: Trial) -> str | None:
        """Why a trial is trained serial; None where it is not, or where `engine: serial` was said by hand."""
        if trial.engine != "serial" or self._engine != "auto":
            return None
        known = self._engines.get(self.id_of(trial))
        if known is None or known.engine != "serial":
            return UNCOMPARED
        knew = trial.started_at is None or trial.started_at >= known.decided_at
        return known.reason if knew else UNCOMPARED

    def width_of(self, trial: Trial, *, slots: int) -> int:
        """The most rows of a stack with this trial, on a worker of so many slots."""
        if trial.engine != "fused":
            return 1
        known = self._engines.get(self.id_of(trial)) if self._engine == "auto" else None
        return slots if known is None else known.width

    def note_handed(self, trial: Trial) -> None:
        """A trial is handed out for the first time."""
        if self._engine != "auto" or (group := self.id_of(trial)) in self._engines:
            return
        self._unknown.setdefault(group, _Unknown(trial)).num_trials += 1

    def due(self, *, now: float) -> list[tuple[str, Trial]]:
        """The groups that are to be probed, each with one of its trials."""
        if not self._unknown or not self.has_report:
            return []
        found = [(group, one) for group, one in self._unknown.items() if one.num_trials >= TRIALS_BEFORE_PROBE]
        for _, one in found:
            one.due_since = one.due_since or now
        return [(group, one.first) for group, one in found]

    def awaits_probe(self, trial: Trial, *, now: float) -> bool:
        """Whether the trial is better handed out when the engine of its group is known: soon, or it waits no more."""
        if trial.engine is not None or self._stacked_since is None or not self._unknown or not self.has_report:
            return False
        unknown = self._unknown.get(self.id_of(trial))
        if unknown is None or unknown.num_trials < TRIALS_BEFORE_PROBE:
            return False
        return now - max(unknown.due_since or now, self._stacked_since) < AWAIT_PROBE_SECONDS

    def knows(self, group_id: str) -> bool:
        """Whether the engine of this group is chosen."""
        return group_id in self._engines

    def decide(self, chosen: GroupEngine) -> None:
        """From now on the trials of this group that are handed out for the first time are trained so."""
        self._engines[chosen.group_id] = chosen
        self._unknown.pop(chosen.group_id, None)
        if chosen.engine == "fused" and self._stacked_since is None:
            self._stacked_since = chosen.decided_at


def _makes_groups(path: str) -> bool:
    return path in ("batch_size", "optimizer") or path.startswith(("model.", "problem."))
