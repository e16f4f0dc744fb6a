"""An API that says what the test wrote: a real HTTP server on a free port, without a service behind it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service.data_schemas import DatasetAnswer
from service.schemas import Answer, BestSoFar, BudgetState, MlflowState, SweepAnswer, TrialAnswer
from service.worker_schemas import HeldTrial, WorkerAnswer
from sweeps.spec import MetricSpec, SweepSpec
from sweeps.states import SweepState, TrialState
from trainer.config import ProblemConfig

AT = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """One answer. `cut` promises one byte more than it sends, as a connection that breaks does."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    cut: bool = False


@dataclass(frozen=True)
class Heard:
    """One request; the body is JSON, or a form as it came."""

    line: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedApi:
    """For `METHOD /path` the answers to give, one after the other; the last one again and again."""

    url: str
    script: dict[str, list[Said]] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def says(self, line: str, *answers: Said) -> None:
        """What is answered to this request."""
        self.script[line] = list(answers)

    def answer(self, heard: Heard) -> Said:
        """The next answer to this request."""
        self.heard.append(heard)
        answers = self.script.get(heard.line) or self.script.get(heard.line.split("?")[0])
        if not answers:
            return problem(404, detail=f"Nothing is at {heard.line}.")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    """Serves until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    api = ScriptedApi(url=f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = _handler(api)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(api: ScriptedApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_form = self.headers.get("Content-Type", "").startswith("multipart/")
            body = raw if is_form else json.loads(raw) if raw else None
            heard = Heard(f"{self.command} {self.path}", dict(self.headers), body)
            said = api.answer(heard)
            self.send_response(said.status)
            self.send_header("Content-Type", said.kind)
            self.send_header("Content-Length", str(len(said.body) + said.cut))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def problem(status: int, *, detail: str, errors: list[dict[str, str]] | None = None) -> Said:
    """An answer that says no."""
    body = {
        "type": "about:blank",
        "title": "No",
        "status": status,
        "detail": detail,
        "instance": "/",
        "errors": errors or [],
    }
    return Said(status=status, body=json.dumps(body).encode(), kind="application/problem+json")


def page(*items: Answer, next_page_token: str | None = None) -> Said:
    """A page of a list."""
    body = {"items": [item.model_dump(mode="json") for item in items], "next_page_token": next_page_token}
    return Said(body=json.dumps(body).encode())


def one(item: Answer, *, status: int = 200) -> Said:
    """One sweep, trial or data set."""
    return Said(status=status, body=item.model_dump_json().encode())


def sweep_answer(state: SweepState = SweepState.RUNNING, *, sweep_id: str = "s1", finished: int = 1) -> SweepAnswer:
    """A sweep of 4 trials on digits."""
    return SweepAnswer(
        id=sweep_id,
        name=f"digits-{sweep_id}",
        state=state,
        reason=None,
        spec=SweepSpec(
            problem=ProblemConfig(dataset="digits"), metric=MetricSpec(name="val_accuracy", goal="maximize")
        ),
        trial_counts={TrialState.COMPLETED: finished},
        best=BestSoFar(number=0, value=0.9, settings={"learning_rate": 0.01}),
        budget=BudgetState(trials=4, trials_finished=finished, seconds=None, seconds_spent=1.5),
        mlflow=MlflowState(
            experiment_id="1", run_id="r", url="http://127.0.0.1:5000/#/experiments/1/runs/r", pending=0
        ),
        created_at=AT,
        started_at=AT,
        ended_at=None,
    )


def trial_answer(number: int, *, state: TrialState = TrialState.COMPLETED, value: float | None = 0.9) -> TrialAnswer:
    """A trial with one setting."""
    return TrialAnswer(
        number=number,
        state=state,
        settings={"learning_rate": 0.01 * (number + 1)},
        value=value,
        best_epoch=3,
        seed=1,
        num_epochs=5,
        attempts=1,
        engine="serial",
        worker="w",
        mlflow_run_id=None,
        reason=None,
        started_at=AT,
        ended_at=None,
    )


def worker_answer(worker_id: str = "local-0-cafe") -> WorkerAnswer:
    """A worker with one trial in hand."""
    return WorkerAnswer(
        id=worker_id,
        executor="local",
        host="here",
        device="cpu",
        slots=1,
        state="ALIVE",
        version="1",
        trials=[HeldTrial(sweep="s1", number=3)],
        started_at=AT,
        last_heard_at=AT,
        ended_at=None,
    )


def dataset_answer(name: str = "birds") -> DatasetAnswer:
    """A table of two columns and two classes."""
    columns = [
        {"name": "wing", "type": "double", "role": "feature", "missing": 3, "distinct": 9, "done": "standardised"},
        {"name": "kind", "type": "text", "role": "target", "missing": 0, "distinct": 2, "done": ""},
    ]
    classes = [{"name": "finch", "train": 40}, {"name": "tit", "train": 20}]
    return DatasetAnswer(
        name=name,
        task="classification",
        description="Uploaded CSV.",
        rows={"train": 60, "validation": 20, "test": 20},
        input_shape=(1,),
        num_classes=2,
        class_counts=(40, 20),
        metrics=["val_accuracy"],
        report={"columns": columns, "classes": classes},
        warnings=["few rows"],
        sha256="a" * 64,
        num_bytes=1000,
        created_at=AT,
    )
