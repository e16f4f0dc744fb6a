"""Workers that come by themselves: nothing to start, nobody to see."""

from service.executors.contract import Gone, Outlook


class ExternalExecutor:
    """The executor of workers that somebody else starts; their leases tell when they are gone."""

    def outlook(self) -> Outlook:
        """Nobody knows."""
        return Outlook()

    def ensure(self, *, num_wanted: int) -> None:
        """Nothing is missing."""

    def gone(self) -> list[Gone]:
        """Nobody is seen."""
        return []

    def stop(self) -> None:
        """They live on."""
