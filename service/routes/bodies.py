"""Bodies that are read by hand, where FastAPI's own reading would not name what is wrong."""

import json

from service.errors import MalformedJson
from sweeps.wrong import FieldError


def parsed(body: bytes, *, mend: str = "send one JSON object") -> object:
    """What the JSON says. Raises MalformedJson."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        fault = FieldError("body", f"is not JSON ({error})", mend)
        raise MalformedJson(str(fault), errors=(fault,)) from error
