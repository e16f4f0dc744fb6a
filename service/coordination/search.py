"""The search of one sweep behind a border: what it raises ends its own sweep, and nothing else."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog

from sweeps.records import Proposal, Told, TrialRecord
from sweeps.scheduler import Scheduler
from sweeps.spec import SweepSpec
from sweeps.states import TrialState
from sweeps.wrong import InvalidSpec
from trainer.report import Verdict
from trainer.settings import Setting

T = TypeVar("T")

log = structlog.get_logger()


class Search:
    """A Scheduler that may raise anything: Optuna is in it.

    Once it did, `failure` says why, for the one who reads the sweep. From then on it proposes, stops and learns
    nothing, so that whoever speaks of the sweep is still answered, until `settle` has made the sweep FAILED.
    """

    def __init__(
        self,
        make_scheduler: Callable[..., Scheduler],
        spec: SweepSpec,
        *,
        records: Iterable[TrialRecord],
        study_attrs: Mapping[str, Any],
    ) -> None:
        self.failure: str | None = None
        self._name = spec.name
        self._scheduler: Scheduler | None = None
        try:
            self._scheduler = make_scheduler(spec, records=records, study_attrs=study_attrs)
        except Exception as error:
            self._break(error)

    def propose(self, fixed: Mapping[str, Setting] | None = None) -> Proposal | None:
        """The next trial; None when there is none. Raises InvalidSpec where `fixed` lies outside the space."""
        return self._ask(lambda scheduler: scheduler.propose(fixed), otherwise=None)

    def report(self, number: int, *, epoch: int, value: float | None) -> Verdict:
        """The verdict on an epoch of a trial."""
        return self._ask(
            lambda scheduler: scheduler.report(number, epoch=epoch, value=value), otherwise=Verdict.CONTINUE
        )

    def tell(self, number: int, *, state: TrialState, values: Mapping[int, float | None]) -> Told | None:
        """A trial ended; None where nothing was learnt from it."""
        return self._ask(lambda scheduler: scheduler.tell(number, state=state, values=values), otherwise=None)

    def promote(self) -> int | None:
        """A paused trial that may go on; None where there is none."""
        return self._ask(lambda scheduler: scheduler.promote(), otherwise=None)

    @property
    def num_left(self) -> int | None:
        """How many settings are left to propose; None where there is no end of them."""
        nothing: int | None = 0
        return self._ask(lambda scheduler: scheduler.num_left, otherwise=nothing)

    def rungs(self) -> tuple[int, ...]:
        """The epochs at which PAUSE may be the verdict."""
        return self._ask(lambda scheduler: scheduler.rungs(), otherwise=())

    def judged(self) -> tuple[int, ...] | None:
        """The epochs before the last at which the verdict may be another than CONTINUE; None: at any."""
        return self._ask(lambda scheduler: scheduler.judged(), otherwise=None)

    def _ask(self, question: Callable[[Scheduler], T], *, otherwise: T) -> T:
        if self._scheduler is None:
            return otherwise
        try:
            return question(self._scheduler)
        except InvalidSpec:
            raise
        except Exception as error:
            self._break(error)
            return otherwise

    def _break(self, error: Exception) -> None:
        error_id = secrets.token_hex(6)
        what = f"{type(error).__name__}: {error}"[:200]
        mend = (
            f"start a new sweep, with another sampler or pruner; the service's log has more under error id {error_id}"
        )
        self.failure = f"the search failed ({what}): {mend}"
        self._scheduler = None  # whatever it held may be half changed
        log.error("search.failed", error_id=error_id, sweep=self._name, exc_info=error)
