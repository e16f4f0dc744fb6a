"""Ports of this machine: which are free, and waiting for one that an earlier start may be about to leave."""

import errno
import socket
import time

from service.errors import ConfigurationError

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.1


def listen_on(port: int, *, host: str, variable: str, wait_seconds: float = 0.0) -> socket.socket:
    """A socket that listens there: from now on the port is ours; 0 takes a free one.

    Waits so long for one that is taken. Raises ConfigurationError naming the variable.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return _listening(host, port=port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise _why_not(error, port=port, host=host, variable=variable) from error
        time.sleep(POLL_SECONDS)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    with _bound(host, port=0) as listener:
        return int(listener.getsockname()[1])


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether one could listen there now."""
    try:
        _bound(host, port=port).close()
    except OSError:
        return False
    return True


def _listening(host: str, *, port: int) -> socket.socket:
    listener = _bound(host, port=port)
    try:
        listener.listen()  # until then another one could be bound to it too
    except OSError:
        listener.close()
        raise
    return listener


def _why_not(error: OSError, *, port: int, host: str, variable: str) -> ConfigurationError:
    """Why one cannot listen there, and the mend."""
    if error.errno == errno.EADDRINUSE:
        mend = f"set {variable} to another one, or to 0 for a free one"
        return ConfigurationError(f"{variable}: port {port} is taken by another program; {mend}.")
    if error.errno == errno.EACCES:
        mend = f"set {variable} to one above 1023"
        return ConfigurationError(f"{variable}: this user may not listen on port {port}; {mend}.")
    what = f"RAVINE_HOST: nobody can listen on {host} here ({error.strerror or error})"
    return ConfigurationError(f"{what}; name an address of this machine.")


def _bound(host: str, *, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # As servers do: connections of an earlier start that linger in TIME_WAIT are no reason to wait.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
