"""Ports of this machine."""

import socket
import threading

from service.supervision.ports import comes_free, free_port, is_free


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_free_port_is_free_until_somebody_listens() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_taken_port_is_waited_for() -> None:
    listener = listening()
    threading.Timer(0.2, listener.close).start()
    assert comes_free(listener.getsockname()[1])


def test_the_wait_has_an_end() -> None:
    with listening() as listener:
        assert not comes_free(listener.getsockname()[1], seconds=0)
