"""The story of a sweep as Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.database.database import RETRY_AFTER_SECONDS
from service.errors import InvalidRequest, NotFound, Unavailable
from service.parts import Parts
from service.routes.deps import PartsDep, user
from service.schemas import EventAnswer
from service.views import event_answers, find_sweep
from sweeps.states import FINAL_SWEEP_STATES
from sweeps.wrong import FieldError

router = APIRouter(prefix="/v1/sweeps/{sweep_id}/events", tags=["events"])

BATCH = 500
WAIT_SECONDS = 10.0
MAX_ID = 2**63 - 1


async def _known_sweep(sweep_id: str, parts: PartsDep, _user: Annotated[None, Depends(user)]) -> str:
    # Looked up before the stream begins: once it has begun there is no status code to answer with.
    await run_in_threadpool(_next_events, parts, sweep_id, after=MAX_ID)
    return sweep_id


def _after(last_event_id: Annotated[str | None, Header(max_length=30)] = None) -> int:
    try:
        place = int(last_event_id or 0)
    except ValueError:
        place = -1
    if not 0 <= place <= MAX_ID:
        fault = FieldError(
            "Last-Event-ID", "is no event's id", "send the id of the last event received, or leave it out"
        )
        raise InvalidRequest(str(fault), errors=(fault,))
    return place


@router.get("", response_class=EventSourceResponse)
async def follow_events(
    sweep_id: Annotated[str, Depends(_known_sweep)], parts: PartsDep, after: Annotated[int, Depends(_after)]
) -> AsyncIterator[ServerSentEvent]:
    """Follows a sweep: all its events after Last-Event-ID (0: from the beginning); it ends when the sweep is final."""
    while True:
        count = parts.coordinator.news.count
        try:
            events, is_final = await run_in_threadpool(_next_events, parts, sweep_id, after=after)
        except NotFound:  # deleted meanwhile
            return
        except Unavailable:  # it goes on when the database is back: a browser that came anew would give up at a 503
            if parts.coordinator.news.is_closed:
                return
            await parts.coordinator.news.wait(count, seconds=RETRY_AFTER_SECONDS)
            continue
        for event in events:
            after = event.id
            yield ServerSentEvent(id=str(event.id), event=event.kind, data=event.model_dump(mode="json"))
        if not events and (is_final or parts.coordinator.news.is_closed):
            return
        if not events:
            await parts.coordinator.news.wait(count, seconds=WAIT_SECONDS)


def _next_events(parts: Parts, sweep_id: str, *, after: int) -> tuple[list[EventAnswer], bool]:
    with parts.database.read() as connection:
        sweep = find_sweep(connection, sweep_id)
        events = event_answers(connection, sweep, after=after, limit=BATCH)
    return events, sweep.state in FINAL_SWEEP_STATES
