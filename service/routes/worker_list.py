"""Workers over HTTP, for users: which there are, what they do, what they wrote."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse

from service.executors.worker_logs import last_lines
from service.paging import DEFAULT_PAGE, moment_of, token_of_moment
from service.routes.deps import DatabaseDep, PageSize, PageToken, PartsDep, user
from service.schemas import Page
from service.stores import workers as worker_rows
from service.worker_schemas import WorkerAnswer, WorkerState
from service.worker_views import find_worker, worker_answers

router = APIRouter(prefix="/v1/workers", tags=["workers"], dependencies=[Depends(user)])

MAX_LOG_BYTES = 1_000_000
NUM_LINES = 200

Lines = Annotated[
    int | None, Query(ge=1, le=MAX_LOG_BYTES, description=f"At most so many; {NUM_LINES} when nothing is said.")
]
Bytes = Annotated[
    int | None, Query(ge=1, le=MAX_LOG_BYTES, description="At most so many; then all lines that they hold.")
]


@router.get("", response_model=Page[WorkerAnswer])
def list_workers(
    database: DatabaseDep,
    page_size: PageSize = DEFAULT_PAGE,
    page_token: PageToken = None,
    state: Annotated[list[WorkerState] | None, Query(description="In one of these; else those that are here.")] = None,
) -> Page[WorkerAnswer]:
    """Lists workers, the newest first."""
    states = state or (worker_rows.ALIVE, worker_rows.BENCHED)
    with database.read() as connection:
        found = worker_rows.page(connection, before=moment_of(page_token), states=states, limit=page_size + 1)
        items = worker_answers(connection, found[:page_size])
    last = found[page_size - 1] if len(found) > page_size else None
    return Page(items=items, next_page_token=token_of_moment(last.created_at, name=last.id) if last else None)


@router.get("/{worker_id}", response_model=WorkerAnswer)
def get_worker(worker_id: str, database: DatabaseDep) -> WorkerAnswer:
    """One worker, gone or not."""
    with database.read() as connection:
        return worker_answers(connection, [find_worker(connection, worker_id)])[0]


@router.get("/{worker_id}/logs", response_class=PlainTextResponse)
def read_logs(worker_id: str, parts: PartsDep, lines: Lines = None, max_bytes: Bytes = None) -> PlainTextResponse:
    """The end of what a worker wrote, gone or not; of workers that came by themselves it is not here (404)."""
    with parts.database.read() as connection:
        worker = find_worker(connection, worker_id)
    log = parts.worker_logs.tail(worker, max_bytes=max_bytes or MAX_LOG_BYTES)
    if lines is not None or max_bytes is None:
        log = last_lines(log, num_lines=lines or NUM_LINES)
    return PlainTextResponse(log.decode(errors="replace"))
