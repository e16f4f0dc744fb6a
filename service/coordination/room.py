"""What fits on a worker while it is handed trials: counted once, and then with each one that it is handed."""

from collections import Counter

from service.coordination.desk import Desk
from service.coordination.in_flight import is_stacked, part_of
from service.records import Sweep, Worker
from service.stores import attempts as attempt_rows

ONE_BY_ONE = 2
"""Of the sweeps that are not stacked a worker has one trial in training and one ahead, whatever its slots."""


class Room:
    """The rows of sweeps that are stacked fill the worker's slots, the others share ONE_BY_ONE places."""

    def __init__(self, desk: Desk, *, worker: Worker, num_free: int) -> None:
        self.worker = worker
        self._desk = desk
        self._num_free = num_free
        self._rows = Counter(one.sweep_id for one in desk.of_worker(worker.id) if one.state != attempt_rows.STOPPING)
        stacked = {one.id for one in desk.sweeps.values() if is_stacked(desk, one)}
        self._num_one_by_one = sum(count for sweep_id, count in self._rows.items() if sweep_id not in stacked)
        self._closed: set[bool] = set()  # sweeps that are stacked, or those that are not

    @property
    def is_empty(self) -> bool:
        """Whether the worker has nothing in hand."""
        return not self._rows

    def fits(self, sweep: Sweep) -> bool:
        """Whether the worker may be handed a trial of this sweep."""
        stacked = is_stacked(self._desk, sweep)
        if stacked in self._closed or not self.worker.can_train(sweep.spec.problem):
            return False
        if not stacked:
            return self._num_one_by_one < ONE_BY_ONE
        return self._rows[sweep.id] < part_of(self._desk, sweep, worker=self.worker)

    def is_ahead(self, sweep: Sweep) -> bool:
        """Whether the sweep's next trial would wait here for another one to end."""
        return self._num_free <= 0 if is_stacked(self._desk, sweep) else self._num_one_by_one > 0

    def num_reserved(self, sweep: Sweep) -> int:
        """Places in flight that a trial ahead must not take from one that would start on another worker at once.

        Of a stacked sweep every worker has its part anyway.
        """
        if is_stacked(self._desk, sweep) or not self.is_ahead(sweep):
            return 0
        others = [one for one in self._desk.attendance().crew(sweep.spec.problem).workers if one.id != self.worker.id]
        return sum(not self._desk.attempts.num_under(("worker", one.id)) for one in others)

    def is_crowded(self, sweep: Sweep, *, num_sweeps: int) -> bool:
        """Whether the sweep, one of so many that are stacked, has its equal part of the slots already."""
        return is_stacked(self._desk, sweep) and self._rows[sweep.id] * num_sweeps >= self.worker.slots

    def close(self, sweep: Sweep) -> None:
        """Nothing more of this kind: it is this sweep's turn, and it waits for a place."""
        self._closed.add(is_stacked(self._desk, sweep))

    def take(self, sweep: Sweep) -> None:
        """The worker is handed a trial of this sweep."""
        self._rows[sweep.id] += 1
        self._num_free -= 1
        if not is_stacked(self._desk, sweep):
            self._num_one_by_one += 1
