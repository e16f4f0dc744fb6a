"""Keeps one trainer child alive: starts it warm, enforces the limits of what it trains, starts the next."""

import logging
from collections.abc import Callable

from service.protocol import ChildDeath
from service.worker.child_messages import Setup, ToldChild
from service.worker.child_process import ChildProcess
from trainer.config import Limits

logger = logging.getLogger(__name__)

START_SECONDS = 120.0  # a child that imports torch from a cold disk is not hanging
SAMPLE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class ChildKeeper:
    """The present child, if there is one. Times are monotonic seconds.

    A child that died in training is replaced at once; one that died before it began anything will do so again, and
    the next one waits 1 s, then twice as long each time.
    """

    def __init__(self, spawn: Callable[[], ChildProcess], *, now: float) -> None:
        self._spawn = spawn
        self._setup: Setup | None = None
        self._child: ChildProcess | None = None
        self._pause_seconds = 0.0
        self._start_at: float | None = now
        self._quiet_since = now
        self._ready = False
        self.ensure(now=now)

    @property
    def alive(self) -> bool:
        """There is a child that can be told something."""
        return self._child is not None

    @property
    def can_train(self) -> bool:
        """There is a child that knows its setup; what it is given before it is ready waits in its pipe."""
        return self._child is not None and self._setup is not None

    @property
    def start_at(self) -> float | None:
        """When the next child is due."""
        return self._start_at

    def ensure(self, *, now: float) -> bool:
        """Starts a child when one is due; true when it did."""
        if self._start_at is None or now < self._start_at:
            return False
        self._child, self._start_at, self._ready, self._quiet_since = self._spawn(), None, False, now
        if self._setup is not None:
            self._child.tell(ToldChild(setup=self._setup))
        return True

    def set_up(self, setup: Setup) -> None:
        """The setup of this child and of all that follow."""
        self._setup = setup
        if self._child is not None:
            self._child.tell(ToldChild(setup=setup))

    def tell(self, message: ToldChild, *, now: float) -> None:
        """Tells the child, if it lives."""
        if self._child is not None:
            new_work = message.assignments or message.tasks
            self._quiet_since = max(self._quiet_since, now) if new_work else self._quiet_since
            self._child.tell(message)

    def heard(self, *, ready: bool, now: float) -> None:
        """The child gave a sign of life."""
        self._ready = self._ready or ready
        self._quiet_since = now

    def enforce(self, limits: Limits, *, now: float) -> None:
        """Kills a child that is silent for too long or too large."""
        if self._child is None:
            return
        patience = limits.hang_seconds if self._ready else max(limits.hang_seconds, START_SECONDS)
        if now - self._quiet_since > patience:
            logger.warning("the child was silent for %.1f s and is killed", now - self._quiet_since)
            self._child.kill(reason="hang")
        rss_mb = self._child.sample_rss_mb()
        if limits.memory_mb is not None and rss_mb is not None and rss_mb > limits.memory_mb:
            logger.warning("the child has %d MiB, over its %d MiB, and is killed", rss_mb, limits.memory_mb)
            self._child.kill(reason="memory")

    def kill(self) -> None:
        """Ends the child at once."""
        if self._child is not None:
            self._child.kill()

    def replace(self, *, now: float) -> None:
        """Ends a child that has nothing to lose and makes the next one due; its end is nobody's death."""
        self.kill()
        self._child, self._start_at = None, now

    def ended(self, child: ChildProcess, *, idle: bool, now: float) -> ChildDeath | None:
        """A child ended: its death, or None when it had been replaced. `idle`: it had nothing in training."""
        child.close()
        if child is not self._child:
            return None
        self._pause_seconds = min(max(1.0, 2 * self._pause_seconds), LONGEST_PAUSE_SECONDS) if idle else 0.0
        self._child, self._start_at = None, now + self._pause_seconds
        return child.death()
