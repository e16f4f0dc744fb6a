"""Data sets of one's own, over HTTP."""

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from service.coordination.uploads import find
from service.data_schemas import DatasetAnswer
from service.datasets.description import dataset_answer
from service.datasets.form import FILE, FormReader, malformed
from service.datasets.options import FIELDS, options_of
from service.paging import DEFAULT_PAGE, place_of, token_of
from service.routes.deps import CoordinatorDep, DatabaseDep, PageSize, PageToken, PartsDep, user
from service.schemas import Page
from service.stores import datasets as dataset_rows

router = APIRouter(prefix="/v1/datasets", tags=["datasets"], dependencies=[Depends(user)])

DATASET_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILE],
                    "additionalProperties": False,
                    "properties": dict(FIELDS),
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=201,
    response_model=DatasetAnswer,
    openapi_extra=DATASET_BODY,
    responses={200: {"model": DatasetAnswer, "description": "It was there before: the same content, read alike."}},
)
async def upload_dataset(request: Request, response: Response, parts: PartsDep) -> DatasetAnswer:
    """Uploads a data set: CSV, Parquet or NPZ, with what is to be known of it beside it in the form."""
    with parts.files.incoming_folder() as folder:
        upload = folder / "upload"
        form = await _received(request, upload=upload)
        options = options_of(form.texts, file_name=form.file_name or "")
        prepared = await parts.importer.prepare(upload, options=options)
        keep = partial(parts.coordinator.add_dataset, options.name, prepared=prepared)
        dataset, is_new = await run_in_threadpool(keep)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/datasets/{quote(dataset.name)}"
    return dataset_answer(dataset)


@router.get("", response_model=Page[DatasetAnswer])
def list_datasets(
    database: DatabaseDep, page_size: PageSize = DEFAULT_PAGE, page_token: PageToken = None
) -> Page[DatasetAnswer]:
    """Lists the uploaded data sets, the newest first."""
    with database.read() as connection:
        found = dataset_rows.page(connection, before=place_of(page_token), limit=page_size + 1)
    items = [dataset_answer(one, with_report=False) for one in found[:page_size]]
    more = len(found) > page_size
    return Page(items=items, next_page_token=token_of(found[page_size - 1].position) if more else None)


@router.get("/{name}", response_model=DatasetAnswer)
def get_dataset(name: str, database: DatabaseDep) -> DatasetAnswer:
    """One uploaded data set: its rows, columns, types and classes, and what was done to it."""
    with database.read() as connection:
        return dataset_answer(find(connection, name))


@router.delete("/{name}", status_code=204)
def delete_dataset(name: str, coordinator: CoordinatorDep) -> None:
    """Deletes an uploaded data set that no sweep uses, with its file."""
    coordinator.delete_dataset(name)


async def _received(request: Request, *, upload: Path) -> FormReader:
    """The form, its file written to `upload` while it streams in."""
    with upload.open("wb") as file:
        form = FormReader(request.headers.get("content-type", ""), file=file)
        try:
            async for chunk in request.stream():
                form.take(chunk)
        except ClientDisconnect:
            raise malformed("was cut off: the connection broke") from None
    form.end()
    return form
