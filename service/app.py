"""The API process: `python -m service.app`."""

import argparse
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from service.coordination.coordinator import Coordinator
from service.database.database import Database
from service.database.migrating import ready_schema
from service.datasets.importing import Importer
from service.errors import ConfigurationError, NotTheOwner, StorageFull, Unavailable
from service.executors.choosing import worker_logs_of
from service.files import Files
from service.logs import log_json_lines
from service.parts import Parts
from service.plots.importance_child import ask_importances
from service.plots.plotting import Plots
from service.routes import datasets, events, health, plots, predict, problems, sweeps, trials, worker_list, workers
from service.routes.documented import describe
from service.routes.guard import Guard
from service.routes.problem_json import install
from service.routes.together import Together
from service.settings import Settings, load
from service.starting.checking import check_start
from service.starting.home import own_home, writing_in
from service.starting.refusal import refuse
from service.supervision.lifeline import when_closed
from service.supervision.ports import listen_on
from service.timekeeper import Timekeeper
from trainer.importing.child import COMMAND
from trainer.importing.request import ImportLimits

log = structlog.get_logger()

GRACEFUL_SECONDS = 5
NOT_THE_OWNER = 3
FAILED = 1
WAITING_SHARE = 3  # an import that waits for disk and processor may take so many times its processor seconds

DESCRIPTION = "Finds out which SGD settings work best for a model and its data."


def build_parts(settings: Settings) -> Parts:
    """Makes the schema where there is none, and takes the ownership at last. Raises ConfigurationError."""
    ready_schema(settings.database)
    with writing_in(settings.home):
        files = Files(settings.files_folder)
    database = Database(settings.database)
    parts = Parts(
        database=database,
        files=files,
        coordinator=Coordinator(database, files=files),
        importer=_importer(settings),
        max_upload_bytes=settings.max_upload_mb * 2**20,
        user_token=settings.user_token(),
        join_token=settings.own_join_token(),
        mlflow_url=settings.mlflow_url,
        worker_logs=worker_logs_of(settings),
    )
    try:
        parts.coordinator.open()
    except (Unavailable, StorageFull) as error:
        raise ConfigurationError(f"RAVINE_DATABASE_URL: {error.detail}") from error
    return parts


def create_app(parts: Parts, *, allowed_hosts: tuple[str, ...] = (), timekeeper: Timekeeper | None = None) -> FastAPI:
    """The API on these parts; with a timekeeper time passes too (leases, budgets in seconds, local workers)."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if timekeeper is not None:
            timekeeper.start(on_failure=app.state.leave)
        yield

    app = FastAPI(title="Ravine", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    app.state.parts = parts
    app.state.together = Together(parts.coordinator.exchange)
    app.state.leave = _leave
    # Workers ask the most by far, and routes are tried in this order.
    for module in (workers, sweeps, trials, events, predict, datasets, problems, health, worker_list):
        app.include_router(module.router)
    plots.install(app, plots=Plots(parts.database, importances=ask_importances))
    install(app)
    app.add_middleware(Guard, allowed_hosts=allowed_hosts, max_upload_bytes=parts.max_upload_bytes)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


class Server(uvicorn.Server):
    """Ends in the right order: first the local workers, whose last words must still be heard, then the API."""

    def __init__(self, config: uvicorn.Config, *, timekeeper: Timekeeper) -> None:
        super().__init__(config)
        self._timekeeper = timekeeper
        self._is_ending = False

    def end(self) -> None:
        """Ends the workers, then the API."""
        self._is_ending = True
        self._timekeeper.stop()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal; a second one ends at once."""
        if self._is_ending:
            super().handle_exit(sig, frame)
        else:
            threading.Thread(target=self.end, name="ending").start()


def serve(settings: Settings, *, superseded_exit: int = NOT_THE_OWNER) -> None:
    """Serves until SIGTERM, or until the supervisor is gone."""
    own_home(settings.home)
    check_start(settings)
    # Before the ownership is taken: who has the port may be the owner, and goes on then.
    listener = listen_on(settings.port, host=settings.host, variable="RAVINE_PORT")
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})  # 0 was a wish: workers call this one
    parts = build_parts(settings)
    timekeeper = Timekeeper(parts.coordinator, settings=settings)
    app = create_app(parts, allowed_hosts=(settings.host, *settings.allowed_hosts), timekeeper=timekeeper)
    app.state.leave = partial(_leave, superseded_exit=superseded_exit)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = Server(config, timekeeper=timekeeper)
    if settings.lifeline_fd is not None:
        when_closed(settings.lifeline_fd, act=server.end)
    server.run(sockets=[listener])
    parts.database.close()


def main() -> None:
    """Runs the API; the exit code says why it ended: 2 a setting is wrong, 3 another coordinator has taken over."""
    parser = argparse.ArgumentParser(prog="python -m service.app", description=__doc__)
    told = "the exit code once another coordinator has taken over; 0 where the container engine starts failures again"
    parser.add_argument("--superseded-exit", type=int, default=NOT_THE_OWNER, metavar="CODE", help=told)
    told = "the exit code after SIGTERM; 143 where the container engine, once started again, starts failures again"
    parser.add_argument("--stopped-exit", type=int, default=0, metavar="CODE", help=told)
    arguments = parser.parse_args()
    log_json_lines()
    try:
        serve(load(), superseded_exit=arguments.superseded_exit)
    except ConfigurationError as error:
        refuse(error)
    sys.exit(arguments.stopped_exit)


def _importer(settings: Settings) -> Importer:
    limits = ImportLimits(
        memory_mb=settings.upload_memory_mb,
        cpu_seconds=settings.upload_seconds,
        max_unpacked_mb=settings.max_upload_mb,
    )
    return Importer(COMMAND, limits=limits, seconds=WAITING_SHARE * settings.upload_seconds)


def _leave(error: Exception, *, superseded_exit: int = NOT_THE_OWNER) -> None:
    """Ends the process at once: as not the owner, nothing that it could still write would be right."""
    sys.stderr.write(f"ravine: {error} This one ends.\n")
    sys.stderr.flush()
    os._exit(superseded_exit if isinstance(error, NotTheOwner) else FAILED)


if __name__ == "__main__":
    main()
