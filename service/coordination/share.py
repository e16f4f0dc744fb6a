"""What a sweep had of the workers' time."""

from dataclasses import dataclass


@dataclass
class Service:
    """How much of the workers' time a sweep had: the basis of fair shares. Times in seconds."""

    worker_seconds: float = 0.0
    num_ended: int = 0
    ended_seconds: float = 0.0

    def trial_seconds(self) -> float:
        """The mean training time of the trials that ended so far."""
        return self.ended_seconds / self.num_ended if self.num_ended else 0.0
