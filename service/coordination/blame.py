"""Whose fault it was that an attempt died, and whether it counts towards `limits.attempts`. Pure."""

import signal
from dataclasses import dataclass

from service.protocol import ChildDeath

MAX_OUTSIDE_DEATHS = 10
SICK_AFTER = 3
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM}


@dataclass(frozen=True)
class Blame:
    """`counts`: towards `limits.attempts`; otherwise the death came from outside. `detail` is a traceback."""

    counts: bool
    reason: str
    detail: str | None = None


def of_child(death: ChildDeath) -> Blame:
    """A trainer child ended by itself or was killed.

    Rows that died together are suspects only: none is blamed for the others.
    """
    reason = _words(death)
    if death.num_tasks:
        return Blame(counts=False, reason=f"{reason} (with another task in it)")
    if len(death.attempts) > 1:
        return Blame(counts=False, reason=f"{reason} (with {len(death.attempts) - 1} other trials)")
    if death.oom or death.how in ("hang", "memory", "exit"):
        return Blame(counts=True, reason=reason)
    return Blame(counts=death.signal not in _FROM_OUTSIDE, reason=reason)


def of_worker(how: str) -> Blame:
    """The whole worker, or its machine, went away: nothing is known against the trial."""
    return Blame(counts=False, reason=how)


def of_exception(reason: str, *, traceback: str | None) -> Blame:
    """The training raised."""
    return Blame(counts=True, reason=reason, detail=traceback)


def final_reason(*, blamed_attempts: int, outside_deaths: int, max_attempts: int, reason: str) -> str | None:
    """Why the trial is FAILED now; None when it may be tried again."""
    if blamed_attempts >= max_attempts:
        return reason if max_attempts == 1 else f"{reason} (attempt {blamed_attempts} of {max_attempts})"
    if outside_deaths >= MAX_OUTSIDE_DEATHS:
        return "killed from outside ten times"
    return None


def _words(death: ChildDeath) -> str:
    if death.how == "hang":
        return "no step and no report within limits.hang_seconds"
    if death.how == "memory":
        return f"over limits.memory_mb (resident memory {death.rss_mb} MiB)"
    if death.oom:
        return f"out of memory (resident memory {death.rss_mb} MiB)"
    if death.how == "exit":
        return f"the training process exited with code {death.code}"
    return f"the training process was killed by {_signal_name(death.signal)}"


def _signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"
