"""Addresses of HTTP servers as settings: such that programs can call them, and that they may be shown."""

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator

SECRET = "should hold no user and no password, for it is shown"
FOR_MLFLOW = "MLflow's are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"


def _http_url(url: str) -> str:
    """Without the slash at its end, behind which paths would begin with two. Raises ValueError."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its own words would show a part of it
        is_address = False
    if not is_address:
        raise ValueError("should be an address such as http://host:8000")
    if "@" in parts.netloc:
        raise ValueError(f"{SECRET}; {FOR_MLFLOW}")
    return url


HttpUrl: TypeAlias = Annotated[str, AfterValidator(_http_url)]
