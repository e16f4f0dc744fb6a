"""Sweeps over HTTP."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from service.coordination.coordinator import Coordinator
from service.coordination.known import facts_of
from service.coordination.ordering import checked, resolve
from service.paging import DEFAULT_PAGE, place_of, token_of
from service.parts import Parts
from service.records import Sweep
from service.routes.bodies import parsed
from service.routes.deps import CoordinatorDep, DatabaseDep, PageSize, PageToken, PartsDep, user
from service.routes.documented import SWEEP_BODY
from service.schemas import BestAnswer, Extension, Page, SweepAnswer, ValidatedAnswer
from service.stores import sweeps as sweep_rows
from service.views import best_answer, find_sweep, spec_warnings, sweep_answers
from sweeps.states import SweepState

router = APIRouter(prefix="/v1/sweeps", tags=["sweeps"], dependencies=[Depends(user)])

Verb = Literal["pause", "resume", "stop", "cancel"]


@router.post(
    "",
    status_code=201,
    response_model=SweepAnswer,
    openapi_extra=SWEEP_BODY,
    responses={200: {"model": ValidatedAnswer}},
)
async def create_sweep(
    request: Request,
    response: Response,
    parts: PartsDep,
    validate_only: Annotated[bool, Query(description="Check the body and create nothing (200).")] = False,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=255)] = None,
) -> Any:
    """Creates a sweep. The same Idempotency-Key within 24 h answers with the sweep that it made first."""
    raw = parsed(await request.body())
    if validate_only:
        return await run_in_threadpool(_validated, parts, raw)
    return await run_in_threadpool(_created, parts, response, raw=raw, key=idempotency_key)


@router.get("", response_model=Page[SweepAnswer])
def list_sweeps(
    parts: PartsDep,
    page_size: PageSize = DEFAULT_PAGE,
    page_token: PageToken = None,
    state: Annotated[list[SweepState] | None, Query(description="Only sweeps in one of these states.")] = None,
) -> Page[SweepAnswer]:
    """Lists sweeps, the newest first."""
    before = place_of(page_token)
    with parts.database.read() as connection:
        found = sweep_rows.page(connection, before=before, states=state or (), limit=page_size + 1)
        now = parts.database.now(connection)
        items = sweep_answers(connection, found[:page_size], now=now, mlflow_url=parts.mlflow_url)
    more = len(found) > page_size
    return Page(items=items, next_page_token=token_of(found[page_size - 1].position) if more else None)


@router.get("/{sweep_id}", response_model=SweepAnswer)
def get_sweep(sweep_id: str, parts: PartsDep) -> SweepAnswer:
    """One sweep: state, counts per trial state, best so far, budget spent, links."""
    return _answer(parts, sweep_id)


@router.delete("/{sweep_id}", status_code=204)
def delete_sweep(
    sweep_id: str,
    coordinator: CoordinatorDep,
    mlflow_runs: Annotated[bool, Query(description="Delete its runs in MLflow too.")] = False,
) -> None:
    """Deletes a sweep that is final, with its files."""
    coordinator.delete(sweep_id, mlflow_runs=mlflow_runs)


@router.get("/{sweep_id}/best", response_model=BestAnswer)
def get_best(sweep_id: str, database: DatabaseDep) -> BestAnswer:
    """The answer: the best settings, their value, and how they compare with the baseline."""
    with database.read() as connection:
        return best_answer(connection, find_sweep(connection, sweep_id))


@router.post("/{sweep_id}:extend", status_code=202, response_model=SweepAnswer)
def extend_sweep(sweep_id: str, extension: Extension, parts: PartsDep) -> SweepAnswer:
    """Adds trials or seconds to the budget; a COMPLETED sweep goes on."""
    parts.coordinator.extend(sweep_id, by=extension)
    return _answer(parts, sweep_id)


@router.post("/{sweep_id}:pause", status_code=202, response_model=SweepAnswer)
def pause_sweep(sweep_id: str, parts: PartsDep) -> SweepAnswer:
    """No new trial starts until :resume; running ones finish."""
    return _changed(parts, sweep_id, verb="pause")


@router.post("/{sweep_id}:resume", status_code=202, response_model=SweepAnswer)
def resume_sweep(sweep_id: str, parts: PartsDep) -> SweepAnswer:
    """A paused sweep goes on."""
    return _changed(parts, sweep_id, verb="resume")


@router.post("/{sweep_id}:stop", status_code=202, response_model=SweepAnswer)
def stop_sweep(sweep_id: str, parts: PartsDep) -> SweepAnswer:
    """No new trial starts; running ones finish, then the sweep is STOPPED."""
    return _changed(parts, sweep_id, verb="stop")


@router.post("/{sweep_id}:cancel", status_code=202, response_model=SweepAnswer)
def cancel_sweep(sweep_id: str, parts: PartsDep) -> SweepAnswer:
    """Running trials end now, then the sweep is CANCELLED."""
    return _changed(parts, sweep_id, verb="cancel")


def _validated(parts: Parts, raw: object) -> Response:
    asked = checked(raw)
    with parts.database.read() as connection:
        spec = resolve(asked, sweep_id="id", facts_of=partial(facts_of, connection))
        warnings = spec_warnings(connection, spec, num_trials=spec.budget.trials)
    answer = ValidatedAnswer(spec=spec, warnings=warnings)
    return Response(answer.model_dump_json(by_alias=True), media_type="application/json")


def _created(parts: Parts, response: Response, *, raw: object, key: str | None) -> SweepAnswer:
    sweep: Sweep = parts.coordinator.create(raw, key=key)
    response.headers["Location"] = f"/v1/sweeps/{sweep.id}"
    return _answer(parts, sweep.id)


def _changed(parts: Parts, sweep_id: str, *, verb: Verb) -> SweepAnswer:
    coordinator: Coordinator = parts.coordinator
    coordinator.change(sweep_id, verb=verb)
    return _answer(parts, sweep_id)


def _answer(parts: Parts, sweep_id: str) -> SweepAnswer:
    with parts.database.read() as connection:
        sweep = find_sweep(connection, sweep_id)
        now = parts.database.now(connection)
        return sweep_answers(connection, [sweep], now=now, mlflow_url=parts.mlflow_url)[0]
