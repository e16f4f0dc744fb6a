"""What every command has at hand: the address of the API, the terminal, and how errors are told there."""

from dataclasses import dataclass
from typing import Self

import typer
from rich.console import Console, RenderableType

from service.client import Client
from service.client_errors import ApiError
from service.settings import ClientSettings, loaded
from service.supervision.addresses import Addresses

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Terminal:
    """One call of the command line. `url` as it was typed; None: the environment's, or the service in RAVINE_HOME."""

    url: str | None
    console: Console

    @classmethod
    def of(cls, context: typer.Context) -> Self:
        """The terminal of this call."""
        terminal = context.find_object(cls)
        assert terminal is not None
        return terminal

    def client(self) -> Client:
        """A client of the API that is meant."""
        settings = loaded(ClientSettings)
        noted = Addresses.of(settings.home)
        url = self.url or settings.url or (noted.api if noted else DEFAULT_URL)
        return Client(url, token=settings.user_token())

    def say(self, line: str) -> None:
        """Prints one line, as it is."""
        self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def show(self, what: RenderableType) -> None:
        """Prints a table or the like."""
        self.console.print(what)


def error_lines(error: ApiError) -> list[str]:
    """What went wrong, a line per field: the field, what is wrong, how to mend it."""
    if not error.errors:
        return [error.detail]
    return [f"{wrong.field}: {wrong.message}; {wrong.mend}" for wrong in error.errors]
