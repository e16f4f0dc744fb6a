"""MLflow's errors in the recorder's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException


class RunMissing(Exception):
    """MLflow does not know the run: its database was replaced, or lost its last writes with the machine's power."""


class RunRefused(Exception):
    """MLflow will never take this: the run was deleted by hand, or a name or value is not allowed there."""


class ArtifactsAway(Exception):
    """The place for artifacts, or the server with the registry, cannot be reached now."""


@contextmanager
def translated() -> Iterator[None]:
    """Two of MLflow's errors in our words; only MLflow itself gives these codes, no proxy on the way does."""
    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise RunMissing(error.message) from error
        if error.error_code == "INVALID_PARAMETER_VALUE":
            raise RunRefused(error.message) from error
        raise


@contextmanager
def away_translated() -> Iterator[None]:
    """The same where artifacts and the registry are meant: what else goes wrong there means that they are away."""
    try:
        with translated():
            yield
    except (MlflowException, OSError) as error:  # of HTTP too: requests' errors are OSErrors
        raise ArtifactsAway(str(error)) from error


def is_unknown(error: BaseException | None) -> bool:
    """Whether there is nothing at this address: an older MLflow has no such part, a proxy lost its way."""
    return isinstance(error, MlflowException) and error.error_code in ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED")
