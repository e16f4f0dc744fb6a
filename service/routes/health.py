"""Whether the service lives and is ready, and its figures for Prometheus."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from service.figures import rendered
from service.routes.deps import DatabaseDep, PartsDep, user
from service.schemas import Health
from service.stores import owner

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health)
def readyz(database: DatabaseDep) -> Health:
    """The database answers; 503 while it does not."""
    with database.read() as connection:
        owner.epoch(connection)
    return Health(status="ok")


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(user)])
def metrics(parts: PartsDep) -> Response:
    """Figures in the text format of Prometheus."""
    with parts.database.read() as connection:
        return Response(rendered(connection), media_type=CONTENT_TYPE_LATEST)
