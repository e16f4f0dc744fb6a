"""The Python client of the API: one method per thing that a user can do; answers are the models of service.schemas."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import httpx

from service.api_link import ApiLink
from service.client_errors import TryLater, Unreachable
from service.data_schemas import DatasetAnswer
from service.plots.plot_schemas import PlotFigure
from service.predict_schemas import PredictAnswer
from service.problem_schemas import ProblemAnswer
from service.rows import Row
from service.schemas import (
    BestAnswer,
    EpochAnswer,
    EventAnswer,
    Extension,
    Page,
    SweepAnswer,
    TrialAnswer,
    TrialRequest,
    ValidatedAnswer,
)
from service.sse import parse
from service.upload import UPLOAD_TIMEOUT, FileOnItsWay, form_texts, say_nothing
from service.worker_schemas import WorkerAnswer, WorkerState
from sweeps.spec import SweepSpec
from sweeps.states import FINAL_SWEEP_STATES, SweepState, TrialState
from trainer.settings import Setting

STREAM_TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # the service says something at least every 15 s
POLL_SECONDS = 0.5
GIVE_UP_SECONDS = 60.0

Spec: TypeAlias = SweepSpec | Mapping[str, Any]


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
        self._reconnect_seconds = reconnect_seconds
        self._api = ApiLink(url, token=token, transport=transport)
        self.url = self._api.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._api.close()

    def ready(self) -> bool:
        """Whether the service answers and reaches its database."""
        return self._api.status("/readyz") == httpx.codes.OK

    def create_sweep(self, spec: Spec, *, idempotency_key: str | None = None) -> SweepAnswer:
        """Starts a sweep; with the same `idempotency_key` only once."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._api.post("/v1/sweeps", model=SweepAnswer, json=_body(spec), headers=headers)

    def check_sweep(self, spec: Spec) -> ValidatedAnswer:
        """What would run, and what to think over; nothing is started."""
        params = {"validate_only": "true"}
        return self._api.post("/v1/sweeps", model=ValidatedAnswer, json=_body(spec), params=params)

    def sweep(self, sweep_id: str) -> SweepAnswer:
        """One sweep as it is now."""
        return self._api.get(f"/v1/sweeps/{sweep_id}", model=SweepAnswer)

    def sweeps(self, *, state: SweepState | None = None) -> Iterator[SweepAnswer]:
        """All sweeps (in this state), page by page."""
        return self._api.pages("/v1/sweeps", model=Page[SweepAnswer], state=state)

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
        return self._api.post(f"/v1/sweeps/{sweep_id}:extend", model=SweepAnswer, json=body)

    def delete(self, sweep_id: str, *, mlflow_runs: bool = False) -> None:
        """Removes a sweep that is over, with its files; `mlflow_runs`: with its runs in MLflow too."""
        params = {"mlflow_runs": "true"} if mlflow_runs else {}
        self._api.delete(f"/v1/sweeps/{sweep_id}", params=params)

    def trials(self, sweep_id: str, *, state: TrialState | None = None) -> Iterator[TrialAnswer]:
        """The trials of a sweep (in this state) in the order of their numbers, page by page."""
        return self._api.pages(f"/v1/sweeps/{sweep_id}/trials", model=Page[TrialAnswer], state=state)

    def trial(self, sweep_id: str, *, number: int) -> TrialAnswer:
        """One trial as it is now."""
        return self._api.get(f"/v1/sweeps/{sweep_id}/trials/{number}", model=TrialAnswer)

    def epochs(self, sweep_id: str, *, number: int) -> Iterator[EpochAnswer]:
        """The learning curve of one trial, epoch by epoch."""
        return self._api.pages(f"/v1/sweeps/{sweep_id}/trials/{number}/epochs", model=Page[EpochAnswer])

    def try_settings(self, sweep_id: str, *, settings: Mapping[str, Setting]) -> TrialAnswer:
        """Settings to try next; what is missing is sampled."""
        body = TrialRequest(settings=dict(settings)).model_dump()
        return self._api.post(f"/v1/sweeps/{sweep_id}/trials", model=TrialAnswer, json=body)

    def best(self, sweep_id: str) -> BestAnswer:
        """The answer of the sweep. Raises Missing while there is none."""
        return self._api.get(f"/v1/sweeps/{sweep_id}/best", model=BestAnswer)

    def plot(self, sweep_id: str, *, kind: str, metric: str | None = None) -> PlotFigure:
        """One plot for plotly.js; `metric`: whose learning curves, the sweep's metric by default."""
        params = {} if metric is None else {"metric": metric}
        return self._api.get(f"/v1/sweeps/{sweep_id}/plots/{kind}", model=PlotFigure, params=params)

    def predict(self, sweep_id: str, *, rows: Sequence[Row], trial: int | None = None) -> PredictAnswer:
        """What the best trial's model (or another trial's) says of rows: objects by column name, or lists of numbers.

        Raises TryLater while no worker is free for it.
        """
        params = {} if trial is None else {"trial": trial}
        body = {"rows": list(rows)}
        return self._api.post(f"/v1/sweeps/{sweep_id}/predict", model=PredictAnswer, json=body, params=params)

    def problems(self) -> Iterator[ProblemAnswer]:
        """What can be trained."""
        return self._api.pages("/v1/problems", model=Page[ProblemAnswer])

    def add_dataset(
        self, path: str | Path, *, sent: Callable[[int], None] = say_nothing, **options: Any
    ) -> DatasetAnswer:
        """Uploads a CSV, Parquet or NPZ file; what was there before under the same name with the same content is found.

        `options` are those of POST /v1/datasets: target, name, task, split, split_column, missing, ignore and so on.
        `sent` hears how many bytes of the file are on their way. Raises OSError when the file cannot be read.
        """
        path = Path(path)
        with FileOnItsWay(path, tell=sent) as file:
            request = {"files": {"file": (path.name, file)}, "data": form_texts(options), "timeout": UPLOAD_TIMEOUT}
            return self._api.post("/v1/datasets", model=DatasetAnswer, **request)

    def datasets(self) -> Iterator[DatasetAnswer]:
        """The uploaded data sets, the newest first, without their reports."""
        return self._api.pages("/v1/datasets", model=Page[DatasetAnswer])

    def dataset(self, name: str) -> DatasetAnswer:
        """One uploaded data set."""
        return self._api.get(f"/v1/datasets/{quote(name, safe='')}", model=DatasetAnswer)

    def delete_dataset(self, name: str) -> None:
        """Removes an uploaded data set that no sweep uses."""
        self._api.delete(f"/v1/datasets/{quote(name, safe='')}")

    def workers(self, *, state: WorkerState | None = None) -> Iterator[WorkerAnswer]:
        """The workers that are here (those in this state), the newest first."""
        return self._api.pages("/v1/workers", model=Page[WorkerAnswer], state=state)

    def worker_log(self, worker_id: str, *, num_lines: int = 200) -> str:
        """The last lines that a worker wrote."""
        return self._api.text(f"/v1/workers/{quote(worker_id, safe='')}/logs", params={"lines": num_lines})

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
        return self._api.post(f"/v1/sweeps/{sweep_id}:{verb}", model=SweepAnswer)

    def _stream(self, sweep_id: str, *, after: int) -> Iterator[EventAnswer]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        path = f"/v1/sweeps/{sweep_id}/events"
        response = self._api.stream(path, headers=headers, timeout=STREAM_TIMEOUT)
        try:
            for message in parse(response.iter_lines()):
                yield EventAnswer.model_validate_json(message.data)
        except httpx.TransportError as error:
            raise Unreachable(f"The event stream of {self.url} broke: {error}") from error
        finally:
            response.close()


def _body(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json") if isinstance(spec, SweepSpec) else dict(spec)


def _is_end(event: EventAnswer) -> bool:
    return event.kind == "sweep.state" and event.data.get("state") in FINAL_SWEEP_STATES
