"""Ports of this machine."""

import socket
import threading

import pytest

from service.errors import ConfigurationError
from service.supervision.ports import free_port, is_free, listen_on


def taken() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_a_free_port_is_free_until_somebody_listens() -> None:
    port = free_port()
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_taken_port_is_waited_for() -> None:
    listener = taken()
    threading.Timer(0.2, listener.close).start()
    port = listener.getsockname()[1]
    with listen_on(port, host="127.0.0.1", variable="RAVINE_PORT", wait_seconds=5) as ours:
        assert ours.getsockname()[1] == port


def test_the_wait_has_an_end() -> None:
    with taken() as listener, pytest.raises(ConfigurationError, match=r"RAVINE_PORT: port .* taken by another program"):
        listen_on(listener.getsockname()[1], host="127.0.0.1", variable="RAVINE_PORT")


def test_an_address_that_is_not_of_this_machine_is_told_as_that() -> None:
    with pytest.raises(ConfigurationError, match=r"RAVINE_HOST: nobody can listen on 192\.0\.2\.1"):
        listen_on(0, host="192.0.2.1", variable="RAVINE_PORT")


def test_a_port_is_ours_from_the_moment_it_is_given() -> None:
    with listen_on(0, host="127.0.0.1", variable="RAVINE_PORT") as listener:
        assert not is_free(listener.getsockname()[1])
