"""What routes need, as annotated dependencies: handlers then read like sentences."""

import hmac
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from service.coordination.coordinator import Coordinator
from service.coordination.exchanging import Call
from service.database.database import Database
from service.errors import Unauthorized
from service.files import Files
from service.paging import MAX_PAGE
from service.parts import Parts
from service.protocol import ExchangeAnswer
from service.routes.together import Together

# None of these waits for anything: as plain functions each would cost every request a hop to another thread.

MEND = "send the header Authorization: Bearer <token>"


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _coordinator(parts: Annotated[Parts, Depends(_parts)]) -> Coordinator:
    return parts.coordinator


async def _together(request: Request) -> Together[Call, ExchangeAnswer]:
    together: Together[Call, ExchangeAnswer] = request.app.state.together
    return together


async def _database(parts: Annotated[Parts, Depends(_parts)]) -> Database:
    return parts.database


async def _files(parts: Annotated[Parts, Depends(_parts)]) -> Files:
    return parts.files


async def bearer(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> str:
    """The token of the Authorization header. Raises Unauthorized without one."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized(f"This needs a token: {MEND}.")
    return token.strip()


async def user(request: Request, parts: Annotated[Parts, Depends(_parts)]) -> None:
    """Lets users in: everybody while no token is set (then the API listens on loopback only)."""
    if parts.user_token is None:
        return
    token = await bearer(request.headers.get("authorization"))
    if not hmac.compare_digest(token.encode(), parts.user_token.encode()):
        raise Unauthorized(f"The token is not right: {MEND}.")


async def joining(parts: Annotated[Parts, Depends(_parts)], token: Annotated[str, Depends(bearer)]) -> None:
    """Lets a new worker in: it knows the join token."""
    if not hmac.compare_digest(token.encode(), parts.join_token.encode()):
        raise Unauthorized("The join token is not right: RAVINE_JOIN_TOKEN_FILE must name a copy of the service's.")


PartsDep = Annotated[Parts, Depends(_parts)]
TogetherDep = Annotated[Together[Call, ExchangeAnswer], Depends(_together)]
CoordinatorDep = Annotated[Coordinator, Depends(_coordinator)]
DatabaseDep = Annotated[Database, Depends(_database)]
FilesDep = Annotated[Files, Depends(_files)]
TokenDep = Annotated[str, Depends(bearer)]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many items to answer at most.")]
PageToken = Annotated[str | None, Query(max_length=200, description="The next_page_token of the page before.")]
