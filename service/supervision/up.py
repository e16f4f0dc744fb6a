"""`ravine up`: one machine, one command. Prepares the home folder and the ports, then supervises the parts."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from rich.console import Console

from service.errors import ConfigurationError
from service.settings import Settings, load, with_variables
from service.starting.home import locked, prepare_home, writing_in
from service.starting.refusal import BAD_CONFIGURATION, refuse
from service.supervision.addresses import Addresses, forget
from service.supervision.ports import POLL_SECONDS, WAIT_SECONDS, listen_on
from service.supervision.processes import Part, ravine_parts
from service.supervision.supervisor import Supervisor


@contextmanager
def only_one(home: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Makes sure that one `ravine up` at a time serves a home folder; the lock ends with the process.

    Waits for an earlier one that may be about to end, then raises ConfigurationError.
    """
    with writing_in(home):
        file = (home / "lock").open("a")
    with file:
        deadline = time.monotonic() + wait_seconds
        while not locked(file):
            if time.monotonic() >= deadline:
                what = f"Another `ravine up` serves {home}: stop it, or set RAVINE_HOME to another folder."
                raise ConfigurationError(what)
            time.sleep(POLL_SECONDS)
        yield


def choose_ports(settings: Settings, *, wait_seconds: float = WAIT_SECONDS) -> Settings:
    """The settings with ports that are free: 0 becomes one, a taken one is waited for. Raises ConfigurationError."""
    wanted = {"port": (settings.port, settings.host)}
    if settings.recorder and not settings.mlflow_uri:
        wanted["mlflow_port"] = (settings.mlflow_port, "127.0.0.1")
    deadline = time.monotonic() + wait_seconds
    chosen: dict[str, int] = {}
    with ExitStack() as held:  # all until the last is chosen: none may be the port of another
        for name, (port, host) in wanted.items():
            patience = deadline - time.monotonic()
            listener = listen_on(port, host=host, variable=f"RAVINE_{name.upper()}", wait_seconds=patience)
            chosen[name] = held.enter_context(listener).getsockname()[1]
    return settings.model_copy(update=chosen)


def look_ahead(settings: Settings) -> None:
    """Raises ConfigurationError for what would keep the parts from starting, as they find it.

    In a process of its own: what it loads is of no use to a supervisor.
    """
    environment = with_variables(home=settings.home, port=settings.port, mlflow_port=settings.mlflow_port)
    done = subprocess.run(
        [sys.executable, "-m", "service.starting.checking"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == BAD_CONFIGURATION:
        raise ConfigurationError(done.stderr.strip().removeprefix("ravine: "))


def serve(settings: Settings, *, console: Console) -> int:
    """Serves until a signal; gives the exit code. Raises ConfigurationError before anything was started."""
    home = prepare_home(settings.home)
    with only_one(home):
        settings = choose_ports(settings.model_copy(update={"home": home}))
        look_ahead(settings)
        settings.own_join_token()
        mlflow = settings.mlflow_url if settings.recorder else None
        with writing_in(home):
            Addresses(api=settings.local_url, mlflow=mlflow).write(home)
        lifeline = os.pipe()

        def tell(part: Part) -> None:
            for line in ready_lines(part.name, settings=settings):
                console.print(line, soft_wrap=True, highlight=False, markup=False)

        console.print("Starting; Ctrl-C stops everything.", highlight=False)
        try:
            parts = ravine_parts(settings, lifeline=lifeline[0])
            return Supervisor(parts, lifeline=lifeline, log_folder=home / "logs", on_ready=tell).run()
        finally:
            os.close(lifeline[0])
            forget(home)


def ready_lines(part: str, *, settings: Settings) -> list[str]:
    """What a person hears when a part is ready."""
    if part == "api":
        return [f"API       {settings.local_url}", f"API docs  {settings.local_url}/docs"]
    return [f"MLflow    {settings.mlflow_url}"] if part == "mlflow" else []


def main() -> None:
    """The entry of `ravine up`: 0 after a signal, 2 for a wrong setting, 3 when another service took over."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.LogfmtRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        sys.exit(serve(load(), console=Console()))
    except ConfigurationError as error:
        refuse(error)


if __name__ == "__main__":
    main()
