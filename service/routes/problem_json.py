"""Every error as application/problem+json (RFC 9457), rendered in one place."""

import json
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service.database.database import RETRY_AFTER_SECONDS
from service.errors import NotTheOwner, ServiceError
from service.schemas import ProblemDetails, ProblemFieldError
from sweeps.wrong import CUSTOM_ERROR

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 50
MAX_PART = 100
MEND = "see /docs for what is allowed here"


def install(app: FastAPI) -> None:
    """Makes the app answer errors in this form."""
    app.add_exception_handler(ServiceError, _of_service)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_anything)


def render(
    status: int,
    *,
    detail: str,
    instance: str,
    errors: Sequence[ProblemFieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """One error as a response."""
    title = HTTPStatus(status).phrase
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not errors:
        errors = [ProblemFieldError(field="body", message="is too large", mend=detail)]
    problem = ProblemDetails(
        type="about:blank", title=title, status=status, detail=detail, instance=instance, errors=list(errors)
    )
    # What a body said may hold half a surrogate pair, which no UTF-8 can say again.
    body = json.dumps(problem.model_dump(), ensure_ascii=False).encode(errors="replace")
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def _of_service(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    if isinstance(error, NotTheOwner):
        request.app.state.leave(error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status in (503, 507) else {}
    errors = [ProblemFieldError(field=e.field or "body", message=e.message, mend=e.mend) for e in error.errors]
    return render(error.status, detail=error.detail, instance=request.url.path, errors=errors, headers=headers)


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        fault = ProblemFieldError(field="body", message="is not JSON", mend="send one JSON object")
        return render(400, detail="The body is not JSON.", instance=request.url.path, errors=[fault])
    errors = [_field_error(fault) for fault in error.errors()[:MAX_ERRORS]]
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
    return render(422, detail=detail, instance=request.url.path, errors=errors)


def _field_error(fault: Mapping[str, Any]) -> ProblemFieldError:
    place = ".".join(str(part)[:MAX_PART] for part in fault["loc"][1:]) or str(fault["loc"][0])
    mends = {"missing": "add it", "extra_forbidden": "leave it out", "enum": "use one of the values listed"}
    mend = fault["ctx"]["mend"] if fault["type"] == CUSTOM_ERROR else mends.get(fault["type"], MEND)
    return ProblemFieldError(field=place, message=fault["msg"], mend=mend)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: f"There is nothing at {request.url.path}; /docs lists what there is.",
        405: f"{request.method} is not for {request.url.path}; /docs lists what is.",
    }
    detail = details.get(error.status_code, str(error.detail))
    return render(error.status_code, detail=detail, instance=request.url.path, headers=error.headers)


def _of_anything(request: Request, error: Exception) -> Response:
    error_id = secrets.token_hex(6)
    log.error("request.failed", error_id=error_id, path=request.url.path, exc_info=error)
    detail = f"Something went wrong here; the log of the service has more under error id {error_id}."
    return render(500, detail=detail, instance=request.url.path)
