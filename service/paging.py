"""Page tokens: where a list goes on, in a form that clients do not look into."""

import base64
import binascii

from service.errors import InvalidRequest
from sweeps.wrong import FieldError

DEFAULT_PAGE = 50
MAX_PAGE = 1000
MAX_PLACE = 2**31 - 1  # more is no number to any database


def token_of(place: int) -> str:
    """The token of a place in a list."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def place_of(token: str | None) -> int | None:
    """The place that a token stands for. Raises InvalidRequest for a token that we did not give."""
    if token is None:
        return None
    try:
        place = int(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii"))
    except (ValueError, binascii.Error):
        place = -1
    if not 0 <= place <= MAX_PLACE:
        fault = FieldError("page_token", "is not one that this list gave", "leave it out for the first page")
        raise InvalidRequest(str(fault), errors=(fault,))
    return place
