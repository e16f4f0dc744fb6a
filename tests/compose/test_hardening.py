"""What runs is as locked up as the file says."""

import pytest

from tests.compose.stack import LASTING, Stack

WRITES = ("/", "/etc", "/opt/ravine", "/usr/local/bin", "/home")
NOBODY_THERE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except OSError:
    sys.exit(0)
sys.exit(1)
"""


@pytest.mark.parametrize("service", LASTING)
def test_no_process_is_roots(stack: Stack, service: str) -> None:
    for container in stack.containers(service):
        read = stack.exec(container, "sh", "-c", "cat /proc/[0-9]*/status")
        users = {line.split()[1] for line in read.stdout.splitlines() if line.startswith("Uid:")}
        assert users, read.stderr
        assert "0" not in users
        assert stack.exec(container, "id", "-u").stdout.strip() in users


@pytest.mark.parametrize("service", LASTING)
def test_nothing_can_be_written_outside_of_its_volumes(stack: Stack, service: str) -> None:
    for container in stack.containers(service):
        for folder in WRITES:
            assert stack.exec(container, "touch", f"{folder}/written").returncode != 0
        assert "Read-only file system" in stack.exec(container, "touch", "/written").stderr


@pytest.mark.parametrize("service", LASTING)
def test_limits_hold(stack: Stack, service: str) -> None:
    for container in stack.containers(service):
        host = stack.engine.inspect(container)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Init"]
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
        assert 0 < host["Memory"] <= 3 * 2**30
        assert 0 < host["PidsLimit"] <= 512
        assert host["LogConfig"]["Config"].keys() == {"max-size", "max-file"}


def test_only_the_api_and_mlflow_are_published_and_on_loopback(stack: Stack) -> None:
    published: dict[tuple[str, str], str] = {}
    for service in LASTING:
        for container in stack.containers(service):
            ports = stack.engine.inspect(container)["NetworkSettings"]["Ports"]
            bound = [one for several in ports.values() for one in several or []]
            published |= {(one["HostIp"], one["HostPort"]): service for one in bound}
    assert published == {
        ("127.0.0.1", stack.variables["RAVINE_PORT"]): "api",
        ("127.0.0.1", stack.variables["RAVINE_MLFLOW_PORT"]): "mlflow",
    }


@pytest.mark.parametrize(
    ("service", "network", "port"),
    [("postgres", "data", "5432"), ("mlflow", "data", "5000"), ("mlflow", "published", "5000")],
)
def test_a_worker_reaches_neither_the_database_nor_mlflow(stack: Stack, service: str, network: str, port: str) -> None:
    worker = stack.containers("worker")[0]
    tried = stack.exec(worker, "python", "-c", NOBODY_THERE, stack.address(service, network=network), port)
    assert tried.returncode == 0, tried.stderr
    reached = stack.exec(worker, "python", "-c", NOBODY_THERE, "api", "8000")
    assert reached.returncode == 1, reached.stderr


def test_no_secret_is_in_a_command_line(stack: Stack) -> None:
    for service in LASTING:
        for container in stack.containers(service):
            shown = stack.engine.docker("top", container, "-eo", "pid,args").stdout
            assert not [name for name, value in stack.variables.items() if len(value) == 48 and value in shown]
