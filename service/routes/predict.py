"""The winner in use: predictions for rows that a user sends."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.coordination.tasks import Reply
from service.errors import Conflict, NotFound, Unavailable
from service.parts import Parts
from service.predict_schemas import PredictAnswer
from service.records import Sweep, Trial
from service.routes.bodies import parsed
from service.routes.deps import PartsDep, user
from service.routes.documented import PREDICT_BODY
from service.rows import Row, rows_of_csv, rows_of_json, wrong_rows
from service.stores import trials as trial_rows
from service.views import find_sweep, find_trial, no_best
from trainer.model_settings import folded
from trainer.task import Predict, Prediction

router = APIRouter(prefix="/v1/sweeps", tags=["predict"], dependencies=[Depends(user)])

TAKE_SECONDS = 5.0
WORK_SECONDS = 20.0  # with the seconds before a worker takes it still under the patience of clients

Trial_ = Annotated[int | None, Query(alias="trial", ge=0, le=2**31 - 1, description="Another trial than the best.")]
Seconds = Annotated[float, Query(ge=0, le=30, description="How long a worker has to take it; then the answer is 503.")]


@router.post("/{sweep_id}/predict", response_model=PredictAnswer, openapi_extra=PREDICT_BODY)
async def predict(
    sweep_id: str, request: Request, parts: PartsDep, trial: Trial_ = None, wait_seconds: Seconds = TAKE_SECONDS
) -> Response:
    """Predicts with the weights of the best trial (so far), through the same preprocessing as in training."""
    content_type = request.headers.get("content-type", "")
    rows = await run_in_threadpool(_rows, content_type, body=await request.body())
    number, task = await run_in_threadpool(_task, parts, sweep_id, number=trial, rows=rows)
    ticket = await run_in_threadpool(parts.coordinator.submit, task, seconds=wait_seconds)
    prediction = await _answer_to(ticket.reply, take_seconds=wait_seconds)
    return await run_in_threadpool(_said, prediction, number=number)


def _rows(content_type: str, *, body: bytes) -> list[Row]:
    if content_type.partition(";")[0].strip().lower() == "text/csv":
        return rows_of_csv(body)
    return rows_of_json(parsed(body, mend='send {"rows": [...]}, or a CSV with the header Content-Type: text/csv'))


def _task(parts: Parts, sweep_id: str, *, number: int | None, rows: list[Row]) -> tuple[int, Predict]:
    """What a worker is to do, and the number of the trial. Raises NotFound, Conflict."""
    with parts.database.read() as connection:
        sweep = find_sweep(connection, sweep_id)
        wanted = sweep.best_number if number is None else number
        if wanted is None:
            raise NotFound(no_best(sweep))
        trial = find_trial(connection, sweep_id, number=wanted)
        if trial.weights is None:
            kept = [one.number for one in trial_rows.with_weights(connection, sweep_id)]
            raise Conflict(_no_weights(sweep, trial=trial, kept=sorted(kept)))
    return wanted, Predict(
        problem=folded(sweep.spec.problem, settings=trial.settings), weights=trial.weights, rows=rows
    )


def _no_weights(sweep: Sweep, *, trial: Trial, kept: list[int]) -> str:
    if sweep.spec.keep.weights == 0:
        return "The sweep keeps no weights (keep.weights is 0): start one with keep.weights of at least 1."
    others = f"those of {', '.join(map(str, kept))} are, for ?trial=" if kept else "ask again in a moment"
    return f"The weights of trial {trial.number} are not here: the best trials' are kept. {others.capitalize()}."


def _said(prediction: Prediction, *, number: int) -> Response:
    # Half a million numbers as JSON: not for the event loop.
    answer = PredictAnswer(trial=number, **prediction.model_dump(exclude={"kind"}))
    return Response(answer.model_dump_json(), media_type="application/json")


async def _answer_to(reply: Reply, *, take_seconds: float) -> Prediction:
    """Raises InvalidRequest where the rows are wrong, Unavailable where no worker answers."""
    await reply.bell.wait(reply.begun, seconds=take_seconds)
    if reply.result is None and reply.is_taken:
        await reply.bell.wait(reply.begun, seconds=WORK_SECONDS)
    result = reply.result
    if result is None:
        what = "The worker has not answered in time" if reply.is_taken else "No worker could take it in time"
        raise Unavailable(f"{what}; send it again.")
    if result.error is not None and result.fault:
        raise wrong_rows(result.error)
    if not isinstance(result.value, Prediction):
        raise Unavailable(f"The worker could not predict: {result.error}")
    return result.value
