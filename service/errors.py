"""The service's error tree. Each knows the status that an API answer carries; routes render them in one place.

ServiceError
├── InvalidRequest        422  fields of the request are wrong
├── MalformedJson         400  the body is not JSON
├── NotFound              404  nothing has that name
├── NotAcceptable         406  the client takes none of the forms there are
├── Conflict              409  the state does not allow it
├── Unauthorized          401  no token, or the wrong one
├── TooLarge              413  the body is larger than allowed
├── Unavailable           503  the database (or a worker) cannot be reached now
├── StorageFull           507  the disk is full
├── NotTheOwner                another coordinator has taken over: this process must end (exit code 3)
├── SessionEnded          410  the worker's session is over
└── ConfigurationError         a setting is wrong: one line, exit code 2
"""

from sweeps.wrong import FieldError


class ServiceError(Exception):
    """The world did something that a caller has to hear of."""

    status = 500

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class InvalidRequest(ServiceError):
    """Fields of the request are wrong."""

    status = 422


class MalformedJson(ServiceError):
    """The body is not JSON."""

    status = 400


class NotFound(ServiceError):
    """Nothing has that name."""

    status = 404


class NotAcceptable(ServiceError):
    """The client takes none of the forms in which there is an answer."""

    status = 406


class Conflict(ServiceError):
    """The state does not allow it."""

    status = 409


class Unauthorized(ServiceError):
    """No token, or the wrong one."""

    status = 401


class TooLarge(ServiceError):
    """The body is larger than allowed."""

    status = 413


class Unavailable(ServiceError):
    """Something that the answer needs cannot be reached now."""

    status = 503


class StorageFull(ServiceError):
    """The disk is full."""

    status = 507


class SessionEnded(ServiceError):
    """The worker's session is over."""

    status = 410


class NotTheOwner(ServiceError):
    """Another coordinator has taken over: this one must end."""


class ConfigurationError(ServiceError):
    """A setting is wrong: what, and how to mend it, in one line."""
