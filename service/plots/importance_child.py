"""Asks a short-lived process which parameters matter: what answers needs a second and 100 MB to be imported."""

import subprocess
import sys

import structlog
from pydantic import TypeAdapter

from service.errors import Unavailable
from service.settings import inherited
from sweeps.insights.importance_question import Question

log = structlog.get_logger()

COMMAND = (sys.executable, "-m", "sweeps.insights.importances")
TIMEOUT_SECONDS = 30.0
SHARES = TypeAdapter(dict[str, float])


def ask_importances(question: Question) -> dict[str, float]:
    """The shares of the parameters, adding up to 1; empty when nothing tells them apart. Raises Unavailable."""
    try:
        done = subprocess.run(
            COMMAND,
            input=question.model_dump_json(by_alias=True).encode(),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=inherited(),
            check=True,
        )
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or b""
        log.error("importances.failed", reason=str(error), said=said[-2000:].decode(errors="replace"))
        raise Unavailable("The importances could not be worked out now; try again soon.") from error
    return SHARES.validate_json(done.stdout)
