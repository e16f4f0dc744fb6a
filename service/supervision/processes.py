"""The processes of a served Ravine, as data: which there are, and what their ends mean."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from service.settings import Settings, inherited, with_variables
from service.starting.refusal import BAD_CONFIGURATION

EXIT_NOT_THE_OWNER = 3


@dataclass(frozen=True)
class Part:
    """One process that the supervisor keeps alive.

    It starts once the file `starts_after` exists, and is ready once `probe_url` answers 200. An exit code in `fatal`
    ends everything with that code (a wrong setting at the first start only); any other end is followed by a new start.
    `owns_descendants`: what it leaves behind at its end is killed before the next start (the API's workers, in
    contrast, live on and are adopted).
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    starts_after: Path | None = None
    probe_url: str | None = None
    fatal: frozenset[int] = field(default_factory=frozenset)
    owns_descendants: bool = False


def ravine_parts(settings: Settings, *, lifeline: int) -> tuple[Part, ...]:
    """API, recorder and MLflow server, in the order in which they start and are stopped. `lifeline`: its read end."""
    ours = with_variables(
        home=settings.home, port=settings.port, mlflow_port=settings.mlflow_port, lifeline_fd=lifeline
    )
    api = Part(
        name="api",
        command=(sys.executable, "-m", "service.app"),
        environment=ours,
        probe_url=f"{settings.local_url}/readyz",
        fatal=frozenset({BAD_CONFIGURATION, EXIT_NOT_THE_OWNER}),
    )
    recorder = Part(
        name="recorder",
        command=(sys.executable, "-m", "service.recorder"),
        environment=ours,
        fatal=frozenset({BAD_CONFIGURATION}),
    )
    if not settings.recorder:
        return (api,)
    return (api, recorder) if settings.mlflow_uri else (api, recorder, _mlflow(settings, lifeline=lifeline))


def _mlflow(settings: Settings, *, lifeline: int) -> Part:
    folder = settings.home / "mlflow"
    server = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(settings.mlflow_port)]
    server += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"]
    server += ["--artifacts-destination", str(folder / "artifacts")]
    return Part(
        name="mlflow",
        command=(sys.executable, "-m", "service.supervision.lifeline", str(lifeline), "--", *server),
        # Its job runners would be eight more processes and 1.5 GB.
        environment={**inherited(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        starts_after=folder / "ready",
        probe_url=f"{settings.mlflow_server}/health",
        owns_descendants=True,
    )
