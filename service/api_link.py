"""Requests to one Ravine and its answers as models; every refusal is an ApiError (service.client_errors)."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from service.client_errors import Unreachable, error_of
from service.schemas import Page, ProblemDetails

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PAGE_SIZE = 1000

Model = TypeVar("Model", bound=BaseModel)


class ApiLink:
    """A connection to the API at `url`. `transport` stands in for the network in tests."""

    def __init__(self, url: str, *, token: str | None, transport: httpx.BaseTransport | None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=httpx.URL(self.url).host not in LOOPBACK,  # no proxy stands between us and this machine
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def status(self, path: str) -> int | None:
        """The status with which a GET is answered; None when nobody answers."""
        try:
            return self._http.get(path).status_code
        except httpx.TransportError:
            return None

    def get(self, path: str, *, model: type[Model], params: Mapping[str, str | int] | None = None) -> Model:
        """The answer to a GET."""
        return self._answer(self._send("GET", path, params=params), model=model)

    def text(self, path: str, *, params: Mapping[str, str | int]) -> str:
        """The answer to a GET, as it is."""
        return self._send("GET", path, params=params).text

    def post(self, path: str, *, model: type[Model], **request: Any) -> Model:
        """The answer to a POST; `request` is what httpx knows: json, params, headers, files, data, timeout."""
        return self._answer(self._send("POST", path, **request), model=model)

    def delete(self, path: str, *, params: Mapping[str, str] | None = None) -> None:
        """A DELETE."""
        self._send("DELETE", path, params=params)

    def stream(self, path: str, **request: Any) -> httpx.Response:
        """The response to a GET, its body still to come; the caller closes it."""
        return self._send("GET", path, stream=True, **request)

    def pages(self, path: str, *, model: type[Page[Model]], state: str | None = None) -> Iterator[Model]:
        """The items of a list (in this state), page by page."""
        params: dict[str, str | int] = {"page_size": PAGE_SIZE} | ({"state": state} if state else {})
        while True:
            page = self.get(path, model=model, params=params)
            yield from page.items
            if page.next_page_token is None:
                return
            params["page_token"] = page.next_page_token

    def _send(self, method: str, path: str, *, stream: bool = False, **request: Any) -> httpx.Response:
        try:
            response = self._http.send(self._http.build_request(method, path, **request), stream=stream)
            if response.is_success:
                return response
            response.read()
        except httpx.TransportError as error:
            raise Unreachable(
                f"Nobody answers at {self.url} ({error}); is it running? `ravine up` starts it."
            ) from error
        raise error_of(self._problem(response))

    def _answer(self, response: httpx.Response, *, model: type[Model]) -> Model:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise Unreachable(f"What answers at {self.url} is no Ravine of this version (see {field}).") from error

    def _problem(self, response: httpx.Response) -> ProblemDetails:
        try:
            return ProblemDetails.model_validate_json(response.content)
        except ValidationError as error:
            raise Unreachable(f"{self.url} answered {response.status_code}, no problem+json: no Ravine?") from error
