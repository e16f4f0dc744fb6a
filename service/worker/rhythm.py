"""When a worker speaks next. No clock."""

from dataclasses import dataclass

LINGER_SECONDS = 0.25
REST_SECONDS = 0.025


@dataclass
class Rhythm:
    """Times are monotonic seconds.

    hurry: there is something to tell that waits for an answer. linger_until: when what is in no hurry goes out at the
    latest, with what comes next if that is sooner: short epochs do not cost a request each. rest_until: what many rows
    say until then goes in one request, for each costs the service as much as twenty reports.
    """

    hurry: bool = False
    linger_until: float | None = None
    rest_until: float = 0.0

    def linger(self, *, now: float) -> None:
        """There is something to tell that nobody waits for."""
        if self.linger_until is None:
            self.linger_until = now + LINGER_SECONDS

    def spoke(self, *, now: float, hurry: bool) -> None:
        """A request was sent; `hurry`: not all that there was to tell is in it."""
        self.hurry, self.linger_until, self.rest_until = hurry, None, now + REST_SECONDS

    def speaks_at(self, *, hurry: bool, rests: bool) -> float | None:
        """When the next request goes; None while there is nothing to tell. `hurry`: there is more that cannot wait."""
        at = 0.0 if hurry or self.hurry else self.linger_until
        return max(at, self.rest_until) if rests and at is not None else at
