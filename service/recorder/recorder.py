"""The recorder, a process of its own: follows the event table and copies to MLflow. `python -m service.recorder`."""

import gc
import getpass
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from service.database.database import Database
from service.database.migrating import check_schema, has_schema
from service.errors import ConfigurationError
from service.pulse import Pulse
from service.recorder.champions import Champions
from service.recorder.content import Origin
from service.recorder.copier import Copier
from service.recorder.mlflow_client import Mlflow
from service.recorder.mlflow_embedded import open_mlflow
from service.recorder.registry import Registry
from service.settings import Settings, load
from service.starting.home import locked, own_home, writing_in
from service.starting.refusal import refuse
from service.supervision.lifeline import when_closed
from service.supervision.signals import when_signalled

LOCK_FILE = "recorder.lock"
POLL_SECONDS = 0.25
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
END_SECONDS = 3.0
GIT_SECONDS = 5.0

log = structlog.get_logger("recorder")


class Recorder:
    """The loop around the copier: MLflow, or the database, may be away at any time and for any time."""

    def __init__(self, settings: Settings, *, over: threading.Event) -> None:
        self._settings = settings
        self._over = over
        self._database = Database(settings.database, check=check_schema)
        self._mlflow: Mlflow | None = None
        self._copier: Copier | None = None
        self._pulse = Pulse(settings.pulse_file)

    def run(self) -> None:
        """Copies until it is over, then what can still be copied at once."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while not self._over.is_set():
            self._pulse.beat(now=time.monotonic())
            if self._attempt(hurry=False):
                pause_seconds = FIRST_PAUSE_SECONDS
            else:
                self._over.wait(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        if self._copier is not None:
            self._attempt(hurry=True)
        self._database.close()

    def _attempt(self, *, hurry: bool) -> bool:
        """One step. This is the border: whatever it raises is logged, and the step is repeated later.

        Raises ConfigurationError once the database has another schema.
        """
        try:
            copier = self._copier or self._open()
            while copier.step(now=time.monotonic(), hurry=hurry):
                self._pulse.beat(now=time.monotonic())
                if self._over.is_set() and not hurry:
                    return True
        except ConfigurationError:
            raise
        except Exception as error:
            log.warning("recorder.away", error=type(error).__name__, reason=str(error)[:500])
            return False
        self._over.wait(POLL_SECONDS)
        return True

    def _open(self) -> Copier:
        if self._mlflow is None:
            self._mlflow = open_mlflow(self._settings.mlflow_uri, folder=self._settings.mlflow_folder)
            collect_seldom()
        registry = Registry(self._settings.mlflow_server)
        champions = Champions(self._database, registry=registry, files=self._settings.files_folder)
        copier = Copier(self._database, mlflow=self._mlflow, champions=champions, origin=origin())
        if self._mlflow.is_embedded:
            copier.send_unfinished_again()
        self._copier = copier
        return copier


def collect_seldom() -> None:
    """What is loaded now stays, and a trial makes hundreds of short-lived objects, thousands where MLflow's client
    makes them: collecting garbage as usual would cost up to a fifth of a trial.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def origin() -> Origin:
    """Who runs this, from which commit. Neither has to be known."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "ravine"
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Origin(user, commit=None)
    return Origin(user, commit=answer.stdout.strip() if answer.returncode == 0 else None)


@contextmanager
def alone(home: Path, *, over: threading.Event) -> Iterator[bool]:
    """Waits until no other recorder works here: the one of a supervisor that died may have seconds to live.

    Gives whether that came before it was over.
    """
    with writing_in(own_home(home)):
        file = (home / LOCK_FILE).open("w")
    with file:
        yield _comes(lambda: locked(file), over=over, reason="another recorder works on this folder")


def schema_comes(url: str, *, over: threading.Event) -> bool:
    """Waits until the API, or `ravine migrate`, has made the schema; gives whether that came before it was over.

    Raises ConfigurationError when the database cannot be used, or has another schema.
    """
    return _comes(lambda: has_schema(url), over=over, reason="the database is empty: the API makes its schema")


def _comes(is_so: Callable[[], bool], *, over: threading.Event, reason: str) -> bool:
    """Looks until it is so, and gives whether that came before it was over; says once why it waits."""
    came = is_so()
    if not came:
        log.info("recorder.waits", reason=reason)
    while not came and not over.wait(POLL_SECONDS):
        came = is_so()
    return came


def main() -> None:
    """The process. It ends on SIGTERM, or with the supervisor, and never later than END_SECONDS after that."""
    try:
        record(load())
    except ConfigurationError as error:
        refuse(error)


def record(settings: Settings) -> None:
    """Copies until it is told to end. Raises ConfigurationError."""
    over = threading.Event()
    when_signalled((signal.SIGTERM, signal.SIGINT), act=over.set)
    if settings.lifeline_fd is not None:
        when_closed(settings.lifeline_fd, act=over.set)
    threading.Thread(target=_end_in_time, args=(over,), daemon=True).start()
    with alone(settings.home, over=over) as is_alone:
        if is_alone and schema_comes(settings.database, over=over):
            Recorder(settings, over=over).run()


def _end_in_time(over: threading.Event) -> None:
    over.wait()
    time.sleep(END_SECONDS)
    os._exit(0)  # what was under way is done again at the next start
