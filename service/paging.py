"""Page tokens: where a list goes on, in a form that clients do not look into."""

import base64
import math

from service.errors import InvalidRequest
from sweeps.wrong import FieldError

DEFAULT_PAGE = 50
MAX_PAGE = 1000
MAX_PLACE = 2**31 - 1  # more is no number to any database


def token_of(place: int) -> str:
    """The token of a place in a list."""
    return _written(str(place))


def place_of(token: str | None) -> int | None:
    """The place that a token stands for. Raises InvalidRequest for a token that we did not give."""
    if token is None:
        return None
    try:
        place = int(_read(token))
    except ValueError:
        place = -1
    if not 0 <= place <= MAX_PLACE:
        raise _foreign()
    return place


def token_of_moment(seconds: float, *, name: str) -> str:
    """The token of a place in a list that goes by time, and by name where times are the same."""
    return _written(f"{seconds!r} {name}")


def moment_of(token: str | None) -> tuple[float, str] | None:
    """The time and the name that a token stands for. Raises InvalidRequest for a token that we did not give."""
    if token is None:
        return None
    try:
        seconds, _, name = _read(token).partition(" ")
        moment = (float(seconds), name)
    except ValueError as error:
        raise _foreign() from error
    if not math.isfinite(moment[0]) or "\0" in name:  # none to any database
        raise _foreign()
    return moment


def _written(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(token: str) -> str:
    """Raises ValueError, of which binascii.Error is one."""
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")


def _foreign() -> InvalidRequest:
    fault = FieldError("page_token", "is not one that this list gave", "leave it out for the first page")
    return InvalidRequest(str(fault), errors=(fault,))
