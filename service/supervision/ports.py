"""Ports of this machine: which are free, and waiting for one that an earlier start may be about to leave."""

import socket
import time

WAIT_SECONDS = 5.0
POLL_SECONDS = 0.1


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


def comes_free(port: int, *, host: str = "127.0.0.1", seconds: float = WAIT_SECONDS) -> bool:
    """Waits at most `seconds` until the port is free, and says whether it is."""
    deadline = time.monotonic() + seconds
    while not is_free(port, host=host):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


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
