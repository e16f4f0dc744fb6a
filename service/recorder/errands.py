"""What is to be brought to MLflow besides points, params and tags: files, and the registered winner."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import structlog

from service.recorder.artifacts import Artifact
from service.recorder.backlog import Key
from service.recorder.champions import Champions
from service.recorder.mlflow_client import Mlflow
from service.recorder.mlflow_errors import ArtifactsAway, RunMissing, RunRefused
from service.recorder.registry import Champion

RETRY_SECONDS = (1.0, 30.0)
"""How long a place that is away is left alone: at first (it may only be starting), and at most."""

Place: TypeAlias = Literal["artifacts", "registry"]
"""What an errand needs; either may be away on its own."""

log = structlog.get_logger("recorder")


@dataclass(frozen=True)
class Errand:
    """Something to be brought for a run; twice is as good as once. `event`: the first event that it comes from."""

    key: Key
    run_id: str
    event: int
    what: Artifact | Champion

    @property
    def name(self) -> str:
        """By which it is known whether it was taken on."""
        return self.what.name if isinstance(self.what, Artifact) else self.what.sha256


class Errands:
    """Errands wait here until their place is there; metrics don't wait for them.

    None is lost: the recorder's place in the event log stays before the event that an errand comes from.
    """

    def __init__(self, *, mlflow: Mlflow, champions: Champions) -> None:
        self._mlflow = mlflow
        self._champions = champions
        self._waiting: dict[tuple[Key, str], Errand] = {}
        self._next_at: dict[Place, float] = {}
        self._pause_seconds: dict[Place, float] = {}

    @property
    def first_event(self) -> int | None:
        """The first event that an errand waits for, None when none waits."""
        return min((errand.event for errand in self._waiting.values()), default=None)

    def add(self, errand: Errand) -> None:
        """Takes on an errand, in the place of an older one of the same run and name."""
        self._waiting[errand.key, errand.name] = errand

    def run(self, *, now: float) -> None:
        """Does what can be done."""
        for name, errand in list(self._waiting.items()):
            place: Place = "artifacts" if isinstance(errand.what, Artifact) else "registry"
            if self.attempt(place, act=partial(self._do, errand), now=now):
                del self._waiting[name]

    def attempt(self, place: Place, *, act: Callable[[], None], now: float) -> bool:
        """Acts and says whether that is done with. A place that is away is left alone, each time twice as long."""
        if now < self._next_at.get(place, now):
            return False
        try:
            act()
        except ArtifactsAway as error:
            log.warning("mlflow.away", place=place, reason=str(error)[:500])
            self._leave_alone(place, now=now)
            return False
        except (RunMissing, RunRefused) as error:
            log.error("mlflow.refused", place=place, reason=str(error)[:500])
        self._pause_seconds.pop(place, None)
        return True

    def forget(self, sweep_id: str) -> None:
        """Nothing is brought for this sweep any more."""
        self._waiting = {name: errand for name, errand in self._waiting.items() if errand.key[0] != sweep_id}

    def _leave_alone(self, place: Place, *, now: float) -> None:
        shortest, longest = RETRY_SECONDS
        pause_seconds = self._pause_seconds.get(place, shortest)
        self._next_at[place] = now + pause_seconds
        self._pause_seconds[place] = min(2 * pause_seconds, longest)

    def _do(self, errand: Errand) -> None:
        if isinstance(errand.what, Artifact):
            self._mlflow.put_text(errand.run_id, name=errand.what.name, text=errand.what.text())
        else:
            self._champions.register(errand.what)
