"""The plots of a sweep over HTTP: Plotly's JSON, or a page, as the client accepts."""

from importlib.metadata import version
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse

from service.errors import NotAcceptable
from service.plots.plot_page import linked_page, plotly_script
from service.plots.plot_schemas import PlotAnswer, PlotFigure
from service.plots.plotting import Plots
from service.routes.accepting import liked
from service.routes.deps import DatabaseDep, user
from service.schemas import Page
from service.views import find_sweep
from sweeps.plots.kinds import KINDS

router = APIRouter(prefix="/v1/sweeps/{sweep_id}/plots", tags=["plots"], dependencies=[Depends(user)])
script_router = APIRouter(prefix="/v1/plots", tags=["plots"])

JSON, HTML = "application/json", "text/html"
SCRIPT_PATH = "/plotly.min.js"
SCRIPT_URL = f"/v1/plots{SCRIPT_PATH}?v={version('plotly')}"
AT_ONCE = 1
"""Plots drawn at the same time: others wait without a thread, so that other reads have theirs, and the processor."""
FOREVER = "public, max-age=31536000, immutable"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": PlotFigure,
        "description": "The figure as plotly.js takes it, or a page that shows it.",
        "content": {HTML: {"schema": {"type": "string"}}},
    }
}


def install(app: FastAPI, *, plots: Plots) -> None:
    """Makes the app answer with these plots."""
    app.state.plots = plots
    app.state.drawing = CapacityLimiter(AT_ONCE)
    app.include_router(router)
    app.include_router(script_router)


@router.get("", response_model=Page[PlotAnswer])
def list_plots(sweep_id: str, database: DatabaseDep) -> Page[PlotAnswer]:
    """Lists the kinds of plots."""
    with database.read() as connection:
        find_sweep(connection, sweep_id)
    items = [
        PlotAnswer(kind=name, about=kind.about, url=f"/v1/sweeps/{sweep_id}/plots/{name}")
        for name, kind in KINDS.items()
    ]
    return Page(items=items, next_page_token=None)


@router.get("/{kind}", response_class=Response, responses=RESPONSES)
async def get_plot(
    sweep_id: str,
    kind: str,
    request: Request,
    metric: Annotated[
        str | None, Query(max_length=200, description="Whose learning curves; else those of the sweep's metric.")
    ] = None,
) -> Response:
    """One plot: Plotly's JSON, or a page for browsers (Accept: text/html)."""
    media_type = liked(",".join(request.headers.getlist("accept")), offered=(JSON, HTML))
    if media_type is None:
        raise NotAcceptable(f"A plot comes as {JSON} or {HTML}: accept one of them.")
    plots: Plots = request.app.state.plots
    limiter: CapacityLimiter = request.app.state.drawing
    figure = await to_thread.run_sync(lambda: plots.figure(sweep_id, kind=kind, metric=metric), limiter=limiter)
    headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
    if media_type == JSON:
        return Response(figure, media_type=JSON, headers=headers)
    page = linked_page(figure, title=f"{sweep_id}: {kind}", script_url=SCRIPT_URL)
    return Response(page, media_type=HTML, headers=headers)


@script_router.get(SCRIPT_PATH, response_class=FileResponse, responses={200: {"content": {"text/javascript": {}}}})
def get_plotly_script() -> FileResponse:
    """plotly.js, for the pages; it is the same for everybody and needs no token."""
    return FileResponse(plotly_script(), media_type="text/javascript", headers={"Cache-Control": FOREVER})
