"""Where workers call: hello with the join token, all else with the session token that hello gave."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from service.coordination.exchanging import Call
from service.protocol import Exchange, ExchangeAnswer, Hello, Wait, WaitAnswer, Welcome
from service.routes.deps import CoordinatorDep, FilesDep, TogetherDep, TokenDep, joining

router = APIRouter(prefix="/v1/workers", tags=["workers"])

MAX_FILE_BYTES = 8 * 2**30
FILE_TYPE = "application/octet-stream"


async def _session(worker_id: str, token: TokenDep, coordinator: CoordinatorDep) -> None:
    if not coordinator.knows(worker_id, token=token):
        await run_in_threadpool(coordinator.authenticate, worker_id, token=token)


Session = Annotated[None, Depends(_session)]


@router.post(":hello", response_model=Welcome, dependencies=[Depends(joining)])
def hello(body: Hello, coordinator: CoordinatorDep) -> Welcome:
    """A worker introduces itself."""
    return coordinator.hello(body)


@router.post("/{worker_id}:exchange", response_model=ExchangeAnswer)
async def exchange(worker_id: str, body: Exchange, token: TokenDep, together: TogetherDep) -> Response:
    """A worker tells what happened, and hears what to do."""
    answer = await together.ask(Call(worker_id, token, body))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.post("/{worker_id}:wait", response_model=WaitAnswer)
async def wait(body: Wait, coordinator: CoordinatorDep, _session: Session) -> WaitAnswer:
    """An idle worker waits for work."""
    count = await coordinator.work.wait(body.work_version, seconds=body.seconds)
    return WaitAnswer(work_version=count)


@router.head("/{worker_id}/files/{sha256}", include_in_schema=False)
@router.get("/{worker_id}/files/{sha256}", response_class=FileResponse, responses={200: {"content": {FILE_TYPE: {}}}})
def fetch_file(sha256: str, files: FilesDep, _session: Session) -> FileResponse:
    """A checkpoint or weights, by content hash."""
    return FileResponse(files.path(sha256), media_type=FILE_TYPE)


@router.put("/{worker_id}/files/{sha256}", status_code=204)
async def put_file(sha256: str, request: Request, files: FilesDep, _session: Session) -> None:
    """Stores a checkpoint or weights under their content hash."""
    await files.put(sha256, chunks=request.stream(), max_bytes=MAX_FILE_BYTES)
