"""The thread in which time passes: leases end, budgets in seconds are spent, local workers are kept up."""

import threading
from collections.abc import Callable

import structlog

from service.coordination.coordinator import Coordinator
from service.errors import StorageFull, Unavailable
from service.executors.choosing import executor_of
from service.executors.contract import Executor
from service.settings import Settings

log = structlog.get_logger()

TICK_SECONDS = 0.5


class Timekeeper:
    """Ticks until it is stopped; then it stops the workers that it started."""

    def __init__(self, coordinator: Coordinator, *, settings: Settings) -> None:
        self._coordinator = coordinator
        self._settings = settings
        self._executor: Executor | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._num_wanted = 0  # workers that would have work, as the coordinator saw it last
        self._gone: dict[str, str] = {}  # seen by the executor, not yet told to the coordinator

    def start(self, *, on_failure: Callable[[Exception], None]) -> None:
        """Begins. `on_failure` hears of what ended the thread before its time."""
        self._thread = threading.Thread(target=self._run, args=(on_failure,), name="timekeeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends, with the workers that were started here."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._executor is not None:
            self._executor.stop()
        for bell in (self._coordinator.work, self._coordinator.news):  # nobody waits any more
            bell.close()

    def _run(self, on_failure: Callable[[Exception], None]) -> None:
        try:
            self._tick()
            while not self._ended.wait(TICK_SECONDS):
                self._tick()
        except Exception as error:
            # A service in which no time passes must not look alive: it ends, and its supervisor starts it again.
            log.error("timekeeper.failed", exc_info=error)
            on_failure(error)

    def _tick(self) -> None:
        try:
            if self._executor is None:
                self._executor = executor_of(self._settings, coordinator=self._coordinator)
            executor = self._executor
            for gone in executor.gone():
                self._gone[gone.worker] = gone.how
            executor.ensure(num_wanted=self._num_wanted)
            for worker in list(self._gone):
                self._coordinator.worker_gone(worker, how=self._gone[worker])
                del self._gone[worker]
            self._num_wanted = self._coordinator.tick(executor.outlook())
        except (Unavailable, StorageFull) as error:
            log.warning("tick.failed", detail=error.detail)
