"""A file that is touched while a process works: its age tells a health check, at no cost, whether it still does."""

from pathlib import Path

from service.errors import ConfigurationError

PULSE_SECONDS = 10.0


class Pulse:
    """Touches the file at most once per PULSE_SECONDS; nothing when there is no file. Times are monotonic seconds.

    Raises ConfigurationError for a file that cannot be touched.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._due_at = 0.0
        try:
            if file is not None:
                file.touch()
        except OSError as error:
            what = f"{file} cannot be touched ({error.strerror})"
            raise ConfigurationError(f"RAVINE_PULSE_FILE: {what}; name a file that can.") from error

    @property
    def due_at(self) -> float | None:
        """When it is to be touched next."""
        return None if self._file is None else self._due_at

    def beat(self, *, now: float) -> None:
        """The process works."""
        if self._file is not None and now >= self._due_at:
            self._file.touch()
            self._due_at = now + PULSE_SECONDS
