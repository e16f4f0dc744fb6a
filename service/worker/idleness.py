"""When a worker that nobody needs leaves. No clock."""

from service.worker.state import WorkerState


class Idleness:
    """Since when a worker has had nothing in hand. Times are monotonic seconds; without `idle_seconds` it stays."""

    def __init__(self, *, idle_seconds: float | None) -> None:
        self._idle_seconds = idle_seconds
        self._since: float | None = None

    def note(self, state: WorkerState, *, moves_files: bool, now: float) -> None:
        """Looks whether there is anything in hand now, in the child, or (`moves_files`) on its way to the service."""
        has_work = len(state.hand) or len(state.tasks) or not state.hand.child_is_free or moves_files
        self._since = None if has_work else (self._since or now)

    @property
    def leave_at(self) -> float | None:
        """When it leaves, if nothing comes before."""
        return None if self._since is None or self._idle_seconds is None else self._since + self._idle_seconds
