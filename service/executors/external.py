"""Workers that come by themselves: nothing to start, nobody to see."""

from service.executors.contract import Gone


class ExternalExecutor:
    """The executor of workers that somebody else starts; their leases tell when they are gone."""

    def ensure(self) -> None:
        """Nothing is missing."""

    def gone(self) -> list[Gone]:
        """Nobody is seen."""
        return []

    def stop(self) -> None:
        """They live on."""
