"""What a client hears when the API says no.

ApiError
├── Unreachable    nobody answers there, or the answer is no Ravine's
├── Rejected       400, 413, 422: fields of the request are wrong
├── Denied         401, 403: no token, or the wrong one
├── Missing        404: nothing has that name
├── Refused        409: the state does not allow it
└── TryLater       503, 507: the service cannot do it now
"""

from service.schemas import ProblemDetails, ProblemFieldError


class ApiError(Exception):
    """The API did not do what it was asked for. `problem` is its own account; None when it gave none."""

    def __init__(self, detail: str, *, problem: ProblemDetails | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem = problem

    @property
    def status(self) -> int | None:
        """The HTTP status; None when there was no answer."""
        return self.problem.status if self.problem else None

    @property
    def errors(self) -> list[ProblemFieldError]:
        """The fields that are wrong, each with its mend."""
        return self.problem.errors if self.problem else []


class Unreachable(ApiError):
    """Nobody answers there, or the answer is no Ravine's."""


class Rejected(ApiError):
    """Fields of the request are wrong."""


class Denied(ApiError):
    """No token, or the wrong one."""


class Missing(ApiError):
    """Nothing has that name."""


class Refused(ApiError):
    """The state does not allow it."""


class TryLater(ApiError):
    """The service cannot do it now."""


BY_STATUS: dict[int, type[ApiError]] = {
    400: Rejected,
    401: Denied,
    403: Denied,
    404: Missing,
    409: Refused,
    413: Rejected,
    422: Rejected,
    503: TryLater,
    507: TryLater,
}


def error_of(problem: ProblemDetails) -> ApiError:
    """The error that tells of this problem."""
    return BY_STATUS.get(problem.status, ApiError)(problem.detail or problem.title, problem=problem)
