"""Whose fault it was that an attempt died, and whether it counts towards `limits.attempts`. Pure.

How an attempt ended is text in its row, and how its child died is the beginning of that text: so a service that starts
again knows the suspects.
"""

import signal
from dataclasses import dataclass

from service.protocol import ChildDeath

MAX_OUTSIDE_DEATHS = 10
SICK_AFTER = 3
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM}
_DIED, _WITH_OTHERS, _KILLED_WITH_OTHERS = "died: ", "died with others: ", "killed with others: "


@dataclass(frozen=True)
class Blame:
    """`counts`: towards `limits.attempts`; otherwise the death came from outside. `detail` is a traceback.

    suspect: what did it may have been this attempt. num_others: how much else was in the child that died.
    """

    counts: bool
    reason: str
    detail: str | None = None
    suspect: bool = False
    num_others: int = 0

    @property
    def how(self) -> str:
        """How the attempt ended, as its row says it."""
        died = (_WITH_OTHERS if self.num_others else _DIED) if self.suspect else ""
        return (died or (_KILLED_WITH_OTHERS if self.num_others else "")) + (self.detail or self.reason)


def of_child(death: ChildDeath) -> Blame:
    """A trainer child ended by itself or was killed.

    Rows that died together are suspects only: none is blamed for the others. Where it is known that memory did not run
    out, somebody else's SIGKILL or SIGTERM makes no suspects.
    """
    num_others = len(death.attempts) - 1 + death.num_tasks
    from_outside = death.how == "signal" and not death.oom and death.signal in _FROM_OUTSIDE
    reason = _words(death)
    if death.num_tasks:
        reason += " (with another task in it)"
    elif num_others:
        reason += f" (with {num_others} other trials)"
    return Blame(
        counts=not num_others and not from_outside,
        reason=reason,
        suspect=not from_outside or death.oom is None,
        num_others=num_others,
    )


def of_worker(how: str) -> Blame:
    """The whole worker, or its machine, went away: nothing is known against the trial."""
    return Blame(counts=False, reason=how)


def of_exception(reason: str, *, traceback: str | None) -> Blame:
    """The training raised."""
    return Blame(counts=True, reason=reason, detail=traceback)


def is_suspect(how: str) -> bool:
    """Whether what ended so runs alone from then on, until it has left a child alive: it may have been the killer."""
    return how.startswith((_DIED, _WITH_OTHERS))


def tells_of_worker(how: str) -> bool:
    """Whether what ended so had better be tried on another worker: that many died at once says nothing of each."""
    return not how.startswith((_WITH_OTHERS, _KILLED_WITH_OTHERS))


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
