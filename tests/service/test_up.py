"""What `ravine up` prepares before it starts anything."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import Settings
from service.starting.home import prepare_home
from service.supervision.addresses import Addresses, forget
from service.supervision.ports import free_port, is_free
from service.supervision.processes import ravine_parts
from service.supervision.up import choose_ports, only_one

HOLDS = """
import sys
from pathlib import Path
from service.supervision.up import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_home_folder_is_its_owner_s_alone(tmp_path: Path) -> None:
    home = prepare_home(tmp_path / "deep" / "home")
    assert home.stat().st_mode & 0o777 == 0o700
    assert prepare_home(home) == home


def test_a_home_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="RAVINE_HOME"):
        prepare_home(tmp_path / "file" / "home")


def test_port_0_is_a_free_one() -> None:
    chosen = choose_ports(Settings(port=0, mlflow_port=0))
    assert chosen.port != 0
    assert chosen.mlflow_port != 0
    assert chosen.port != chosen.mlflow_port
    assert is_free(chosen.port)


def test_a_taken_port_is_told_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"RAVINE_PORT: port {port} is taken"):
            choose_ports(Settings(port=port, mlflow_port=0), wait_seconds=0)


def test_two_parts_cannot_have_one_port() -> None:
    port = free_port()
    with pytest.raises(ConfigurationError, match=f"RAVINE_MLFLOW_PORT: port {port} is taken"):
        choose_ports(Settings(port=port, mlflow_port=port), wait_seconds=0)


def test_an_mlflow_elsewhere_needs_no_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        chosen = choose_ports(Settings(port=0, mlflow_port=taken, mlflow_uri="http://mlflow.example"))
    assert chosen.mlflow_port == taken


def test_one_home_folder_is_served_once(tmp_path: Path) -> None:
    holder = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with pytest.raises(ConfigurationError, match="Another `ravine up`"), only_one(tmp_path, wait_seconds=0):
            pass
        first.communicate()
    with only_one(tmp_path):
        pass


def test_addresses_are_noted_and_forgotten(tmp_path: Path) -> None:
    noted = Addresses(api="http://127.0.0.1:1", mlflow=None)
    noted.write(tmp_path)
    assert Addresses.of(tmp_path) == noted
    forget(tmp_path)
    assert Addresses.of(tmp_path) is None


def test_the_parts_follow_the_settings(tmp_path: Path) -> None:
    def names(settings: Settings) -> list[str]:
        return [part.name for part in ravine_parts(settings, lifeline=9)]

    settings = Settings(home=tmp_path, port=free_port())
    assert names(settings) == ["api", "recorder", "mlflow"]
    assert names(settings.model_copy(update={"mlflow_uri": "http://mlflow.example"})) == ["api", "recorder"]
    assert names(settings.model_copy(update={"recorder": False})) == ["api"]
    api = ravine_parts(settings, lifeline=9)[0]
    assert (api.environment["RAVINE_LIFELINE_FD"], api.environment["RAVINE_HOME"]) == ("9", str(tmp_path))


def test_mlflow_hears_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVINE_TOKEN", "secret")
    mlflow = ravine_parts(Settings(home=tmp_path), lifeline=9)[2]
    assert not any(name.startswith("RAVINE_") for name in mlflow.environment)
