"""Whether the settings name a Ray that can be used: asked before anything is started."""

from urllib.parse import urlsplit

from service.errors import ConfigurationError
from service.executors.ray_client import LOOPBACK, RayClient, RayTrouble
from service.settings import RaySettings, Settings

WANTED = "set it to the address of Ray's dashboard, such as http://head:8265"


def check_ray(settings: Settings, *, ray: RaySettings) -> None:
    """Raises ConfigurationError, in one line with the mend, unless workers can be started on that Ray."""
    client = ray_client(ray)
    try:
        if _is_loopback(settings.worker_url) and not _is_loopback(client.address):
            called = f"RAVINE_URL: workers on Ray's nodes cannot call {settings.worker_url}"
            raise ConfigurationError(f"{called}; set it to where they reach the API.")
        client.look()
    except RayTrouble as trouble:
        raise ConfigurationError(f"RAY_ADDRESS: {trouble.detail}") from trouble
    finally:
        client.close()


def ray_client(ray: RaySettings) -> RayClient:
    """A connection as the settings say. Raises ConfigurationError."""
    token = ray.auth_token()
    address = _checked(ray.ray_address)
    if not token:
        raise ConfigurationError(
            "RAY_AUTH_TOKEN: there is no token for Ray; start Ray with RAY_AUTH_MODE=token, and set RAY_AUTH_TOKEN (or "
            "RAY_AUTH_TOKEN_PATH) to its token."
        )
    return RayClient(address, token=token)


def _checked(address: str | None) -> str:
    if not address:
        raise ConfigurationError(f"RAY_ADDRESS: RAVINE_EXECUTOR is ray, and no Ray is named; {WANTED}.")
    try:
        url = urlsplit(address)
        is_fit = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0  # .port raises ValueError
    except ValueError:
        is_fit = False
    if not is_fit:
        raise ConfigurationError(f"RAY_ADDRESS: {address} is not the address of Ray's Jobs API; {WANTED}.")
    return address


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK
