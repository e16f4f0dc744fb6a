"""When each worker was last heard: known by ear, since this service began; a lease says it on the database's clock."""

import time


class Hearing:
    """Told by the coordinator, asked by executors, in other threads."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}

    def note(self, worker: str) -> None:
        """The worker spoke."""
        self._heard_at[worker] = time.monotonic()

    def silent_seconds(self, worker: str) -> float | None:
        """How long ago it spoke; None when it has not since this service began."""
        at = self._heard_at.get(worker)
        return None if at is None else time.monotonic() - at

    def has_heard(self, worker: str) -> bool:
        """Whether it spoke since this service began."""
        return worker in self._heard_at
