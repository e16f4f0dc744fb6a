"""The Python client of the API: one method per thing that a user can do; answers are the models of service.schemas."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeAlias, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from service.client_errors import TryLater, Unreachable, error_of
from service.schemas import (
    BestAnswer,
    EpochAnswer,
    EventAnswer,
    Extension,
    Page,
    ProblemAnswer,
    ProblemDetails,
    SweepAnswer,
    TrialAnswer,
    TrialRequest,
    ValidatedAnswer,
)
from service.sse import parse
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState
from trainer.settings import Setting

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
STREAM_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # the service says something at least every 15 s
POLL_SECONDS = 0.5
LOOPBACK = ("127.0.0.1", "localhost", "::1")
GIVE_UP_SECONDS = 60.0
PAGE_SIZE = 1000

Spec: TypeAlias = SweepSpec | Mapping[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class Client:
    """A connection to one Ravine. Every method raises an ApiError (service.client_errors) when the API says no.

    `token` is the user token, where the service asks for one. `transport` stands in for the network in tests.
    `reconnect_seconds` is the pause before an event stream that broke is taken up again.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
        reconnect_seconds: float = 1.0,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url.rstrip("/")
        self._reconnect_seconds = reconnect_seconds
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=TIMEOUT,
            transport=transport,
            trust_env=httpx.URL(self.url).host not in LOOPBACK,  # no proxy stands between us and this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the service answers and reaches its database."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def create_sweep(self, spec: Spec, *, idempotency_key: str | None = None) -> SweepAnswer:
        """Starts a sweep; with the same `idempotency_key` only once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        request = self._http.build_request("POST", "/v1/sweeps", json=_body(spec), headers=headers)
        return self._answer(request, model=SweepAnswer)

    def check_sweep(self, spec: Spec) -> ValidatedAnswer:
        """What would run, and what to think over; nothing is started."""
        params = {"validate_only": "true"}
        request = self._http.build_request("POST", "/v1/sweeps", json=_body(spec), params=params)
        return self._answer(request, model=ValidatedAnswer)

    def sweep(self, sweep_id: str) -> SweepAnswer:
        """One sweep as it is now."""
        return self._get(f"/v1/sweeps/{sweep_id}", model=SweepAnswer)

    def sweeps(self, *, state: SweepState | None = None) -> Iterator[SweepAnswer]:
        """All sweeps (in this state), page by page."""
        return self._pages("/v1/sweeps", model=Page[SweepAnswer], state=state)

    def pause(self, sweep_id: str) -> SweepAnswer:
        """No new trial starts; running ones finish."""
        return self._verb(sweep_id, verb="pause")

    def resume(self, sweep_id: str) -> SweepAnswer:
        """A paused sweep goes on."""
        return self._verb(sweep_id, verb="resume")

    def stop(self, sweep_id: str) -> SweepAnswer:
        """Running trials finish, then the sweep is over."""
        return self._verb(sweep_id, verb="stop")

    def cancel(self, sweep_id: str) -> SweepAnswer:
        """The sweep ends now, and its running trials with it."""
        return self._verb(sweep_id, verb="cancel")

    def extend(self, sweep_id: str, *, trials: int = 0, seconds: float = 0) -> SweepAnswer:
        """Adds to the budget; a COMPLETED sweep goes on."""
        body = Extension(trials=trials, seconds=seconds).model_dump()
        return self._answer(
            self._http.build_request("POST", f"/v1/sweeps/{sweep_id}:extend", json=body), model=SweepAnswer
        )

    def delete(self, sweep_id: str, *, mlflow_runs: bool = False) -> None:
        """Removes a sweep that is over, with its files; `mlflow_runs`: with its runs in MLflow too."""
        params = {"mlflow_runs": "true"} if mlflow_runs else {}
        self._send(self._http.build_request("DELETE", f"/v1/sweeps/{sweep_id}", params=params))

    def trials(self, sweep_id: str, *, state: TrialState | None = None) -> Iterator[TrialAnswer]:
        """The trials of a sweep (in this state) in the order of their numbers, page by page."""
        return self._pages(f"/v1/sweeps/{sweep_id}/trials", model=Page[TrialAnswer], state=state)

    def trial(self, sweep_id: str, *, number: int) -> TrialAnswer:
        """One trial as it is now."""
        return self._get(f"/v1/sweeps/{sweep_id}/trials/{number}", model=TrialAnswer)

    def epochs(self, sweep_id: str, *, number: int) -> Iterator[EpochAnswer]:
        """The learning curve of one trial, epoch by epoch."""
        return self._pages(f"/v1/sweeps/{sweep_id}/trials/{number}/epochs", model=Page[EpochAnswer])

    def try_settings(self, sweep_id: str, *, settings: Mapping[str, Setting]) -> TrialAnswer:
        """Settings to try next; what is missing is sampled."""
        body = TrialRequest(settings=dict(settings)).model_dump()
        return self._answer(
            self._http.build_request("POST", f"/v1/sweeps/{sweep_id}/trials", json=body), model=TrialAnswer
        )

    def best(self, sweep_id: str) -> BestAnswer:
        """The answer of the sweep. Raises Missing while there is none."""
        return self._get(f"/v1/sweeps/{sweep_id}/best", model=BestAnswer)

    def problems(self) -> Iterator[ProblemAnswer]:
        """What can be trained."""
        return self._pages("/v1/problems", model=Page[ProblemAnswer])

    def events(self, sweep_id: str, *, after: int = 0) -> Iterator[EventAnswer]:
        """The sweep's story from the event behind `after` on, until the sweep is over.

        A connection that breaks is taken up where it broke. Raises Unreachable when that fails for a minute.
        """
        failing_since: float | None = None
        while True:
            try:
                for event in self._stream(sweep_id, after=after):
                    failing_since, after = None, event.id
                    yield event
                    if _is_end(event):
                        break
                # A story that was extended tells of an end in its middle, and a stream also ends with its service.
                if self.sweep(sweep_id).state in FINAL_SWEEP_STATES:
                    return
            except (Unreachable, TryLater):
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > GIVE_UP_SECONDS:
                    raise
            time.sleep(self._reconnect_seconds)

    def wait(self, sweep_id: str, *, seconds: float | None = None) -> SweepAnswer:
        """Waits until the sweep is over. Raises TimeoutError when that takes more than `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while (sweep := self.sweep(sweep_id)).state not in FINAL_SWEEP_STATES:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Sweep {sweep_id} is still {sweep.state} after {seconds:g} s.")
            time.sleep(POLL_SECONDS)
        return sweep

    def _verb(self, sweep_id: str, *, verb: str) -> SweepAnswer:
        return self._answer(self._http.build_request("POST", f"/v1/sweeps/{sweep_id}:{verb}"), model=SweepAnswer)

    def _get(self, path: str, *, model: type[Model], params: Mapping[str, str | int] | None = None) -> Model:
        return self._answer(self._http.build_request("GET", path, params=params), model=model)

    def _pages(self, path: str, *, model: type[Page[Model]], state: str | None = None) -> Iterator[Model]:
        params: dict[str, str | int] = {"page_size": PAGE_SIZE} | ({"state": state} if state else {})
        while True:
            page = self._get(path, model=model, params=params)
            yield from page.items
            if page.next_page_token is None:
                return
            params["page_token"] = page.next_page_token

    def _stream(self, sweep_id: str, *, after: int) -> Iterator[EventAnswer]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        request = self._http.build_request(
            "GET", f"/v1/sweeps/{sweep_id}/events", headers=headers, timeout=STREAM_TIMEOUT
        )
        response = self._send(request, stream=True)
        try:
            for message in parse(response.iter_lines()):
                yield EventAnswer.model_validate_json(message.data)
        except httpx.TransportError as error:
            raise Unreachable(f"The event stream of {self.url} broke: {error}") from error
        finally:
            response.close()

    def _answer(self, request: httpx.Request, *, model: type[Model]) -> Model:
        response = self._send(request)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise Unreachable(f"What answers at {self.url} is no Ravine of this version (see {field}).") from error

    def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            response = self._http.send(request, stream=stream)
            if response.is_success:
                return response
            response.read()
        except httpx.TransportError as error:
            raise Unreachable(
                f"Nobody answers at {self.url} ({error}); is it running? `ravine up` starts it."
            ) from error
        raise error_of(self._problem(response))

    def _problem(self, response: httpx.Response) -> ProblemDetails:
        try:
            return ProblemDetails.model_validate_json(response.content)
        except ValidationError as error:
            raise Unreachable(f"{self.url} answered {response.status_code}, no problem+json: no Ravine?") from error


def _body(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json") if isinstance(spec, SweepSpec) else dict(spec)


def _is_end(event: EventAnswer) -> bool:
    return event.kind == "sweep.state" and event.data.get("state") in FINAL_SWEEP_STATES
