"""The API process: `python -m service.app`."""

import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from service.coordination.coordinator import Coordinator
from service.database import Database
from service.datasets.importing import Importer
from service.errors import ConfigurationError, NotTheOwner
from service.files import Files
from service.logs import log_json_lines
from service.migrating import migrate
from service.parts import Parts
from service.plots.importance_child import ask_importances
from service.plots.plotting import Plots
from service.routes import datasets, events, health, plots, predict, problems, sweeps, trials, workers
from service.routes.documented import describe
from service.routes.guard import Guard
from service.routes.problem_json import install
from service.settings import Settings, load, make_join_token
from service.supervision.lifeline import when_closed
from service.timekeeper import Timekeeper
from trainer.importing.child import COMMAND
from trainer.importing.request import ImportLimits

log = structlog.get_logger()

GRACEFUL_SECONDS = 5
NOT_THE_OWNER = 3
FAILED = 1
BAD_CONFIGURATION = 2
WAITING_SHARE = 3  # an import that waits for disk and processor may take so many times its processor seconds

DESCRIPTION = "Finds out which SGD settings work best for a model and its data."


def build_parts(settings: Settings) -> Parts:
    """Opens the database (its schema brought up to date) and takes the ownership. Raises ConfigurationError."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrate(settings.database)
    database, files = Database(settings.database), Files(settings.files_folder)
    coordinator = Coordinator(database, files=files)
    coordinator.open()
    return Parts(
        database=database,
        files=files,
        coordinator=coordinator,
        importer=_importer(settings),
        max_upload_bytes=settings.max_upload_mb * 2**20,
        user_token=settings.user_token(),
        join_token=make_join_token(settings.join_token_path),
        mlflow_url=settings.mlflow_url,
    )


def create_app(parts: Parts, *, allowed_hosts: tuple[str, ...] = (), timekeeper: Timekeeper | None = None) -> FastAPI:
    """The API on these parts; with a timekeeper time passes too (leases, budgets in seconds, local workers)."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if timekeeper is not None:
            timekeeper.start(on_failure=app.state.leave)
        yield

    app = FastAPI(title="Ravine", version="0.1.0", description=DESCRIPTION, lifespan=lifespan)
    app.state.parts = parts
    app.state.leave = _leave
    for module in (sweeps, trials, events, predict, datasets, problems, health, workers):
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


def serve(settings: Settings) -> None:
    """Serves until SIGTERM, or until the supervisor is gone."""
    parts = build_parts(settings)
    timekeeper = Timekeeper(parts.coordinator, settings=settings)
    app = create_app(parts, allowed_hosts=(settings.host, *settings.allowed_hosts), timekeeper=timekeeper)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    server = Server(config, timekeeper=timekeeper)
    if settings.lifeline_fd is not None:
        when_closed(settings.lifeline_fd, act=server.end)
    server.run()
    parts.database.close()


def main() -> int:
    """Runs the API; the exit code says why it ended: 2 a setting is wrong, 3 another coordinator has taken over."""
    log_json_lines()
    try:
        serve(load())
    except ConfigurationError as error:
        sys.stderr.write(f"ravine: {error}\n")
        return BAD_CONFIGURATION
    return 0


def _importer(settings: Settings) -> Importer:
    limits = ImportLimits(
        memory_mb=settings.upload_memory_mb,
        cpu_seconds=settings.upload_seconds,
        max_unpacked_mb=settings.max_upload_mb,
    )
    return Importer(COMMAND, limits=limits, seconds=WAITING_SHARE * settings.upload_seconds)


def _leave(error: Exception) -> None:
    """Ends the process at once: as not the owner, nothing that it could still write would be right."""
    sys.stderr.write(f"ravine: {error} This one ends.\n")
    sys.stderr.flush()
    os._exit(NOT_THE_OWNER if isinstance(error, NotTheOwner) else FAILED)


if __name__ == "__main__":
    sys.exit(main())
