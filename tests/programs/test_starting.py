"""Bad starts: each ends at once with code 2 and one line that says what is wrong and how to mend it."""

import socket
import threading
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import inherited, load
from service.starting.checking import check_start
from service.starting.home import own_home
from tests.service.programs import (
    API,
    MIGRATE,
    RECORDER,
    START_SECONDS,
    UP,
    WORKER,
    refusal,
    running,
    variables,
)

AWAY = "postgresql://me:hunter2@127.0.0.1:9/ravine"
FORMS = r"write it as postgresql://.* or sqlite:////path/to/file\.$"


@pytest.mark.parametrize("module", [API, UP, RECORDER, MIGRATE])
def test_every_program_says_that_the_database_is_away(module: str, tmp_path: Path) -> None:
    said = refusal(module, variables(tmp_path / "home", database_url=AWAY))
    assert said == (
        'RAVINE_DATABASE_URL: the database cannot be used (connection failed: connection to server at "127.0.0.1", '
        "port 9 failed: Connection refused); start the database, or name another one."
    )
    assert not list(tmp_path.rglob("*.log")), "no part was started"


@pytest.mark.parametrize("module", [API, UP, MIGRATE])
def test_every_program_says_that_its_home_cannot_be_written(module: str) -> None:
    said = refusal(module, variables(Path("/proc/self")))
    assert said.startswith("RAVINE_HOME: nothing can be made in /proc/self (")
    assert said.endswith("); make it writable, or set RAVINE_HOME to another folder.")


@pytest.mark.parametrize("below", [".", "sub"])
def test_a_home_that_is_a_file_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / below
    with pytest.raises(ConfigurationError, match=f"^RAVINE_HOME: {home} is no folder, nor can it be made one; set"):
        own_home(home)


@pytest.mark.parametrize("module", [API, UP])
def test_a_taken_port_is_told_before_anything_is_touched(module: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        said = refusal(module, variables(tmp_path / "home", port=port))
    mend = "set RAVINE_PORT to another one, or to 0 for a free one"
    assert said == f"RAVINE_PORT: port {port} is taken by another program; {mend}."
    assert not (tmp_path / "home" / "ravine.db").exists()


def test_ravine_up_says_that_ray_is_away(tmp_path: Path) -> None:
    ray = {"RAY_ADDRESS": "http://127.0.0.1:9", "RAY_AUTH_TOKEN": "hunter2"}
    said = refusal(UP, variables(tmp_path, executor="ray") | ray)
    assert said.startswith("RAY_ADDRESS: Ray at http://127.0.0.1:9 cannot be reached")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"database_url": "ravine"}, f"^RAVINE_DATABASE_URL: this is not the URL of a database; {FORMS}"),
        ({"database_url": "postgresql://me:hunter2@h:port/x"}, f"^RAVINE_DATABASE_URL: this is not the URL.*; {FORMS}"),
        ({"database_url": "mysql://me:hunter2@h/x"}, f"^RAVINE_DATABASE_URL: Ravine does not speak mysql; {FORMS}"),
        ({"database_url": "postgresql+psycopg2://h/x"}, r"does not speak postgresql\+psycopg2; "),
        ({"database_url": "postgresql://me:secret@hunter2@h/x"}, "its password has an @ in it; write it as %40, or"),
        ({"database_url": "sqlite://"}, "it names no file; "),
        (
            {"database_url": "sqlite:////proc/self/x.db"},
            "nothing can be made in /proc/self .*; name a file in a folder",
        ),
        ({"database_url": "sqlite:////nowhere/x.db"}, "nothing can be made in /nowhere .*; name a file in a folder"),
        ({"database_url": "postgresql://me@[h/x", "database_password": "hunter2"}, "RAVINE_DATABASE_URL: .*; "),
        ({"database_url": "postgresql://me@h/x", "database_password_file": "/nowhere"}, "^RAVINE_DATABASE_PASSWORD_FI"),
        (
            {"token_file": "/nowhere"},
            "^RAVINE_TOKEN_FILE: /nowhere cannot be read .*; name a file .* or set RAVINE_TOK",
        ),
        ({"token": "  "}, "^RAVINE_TOKEN: it is empty; write the secret into it, in one line"),
        ({"token": "hunter2\n2"}, "^RAVINE_TOKEN: it holds more than one line of plain characters; keep one line"),
        ({"token_file": "/proc/self"}, "^RAVINE_TOKEN_FILE: /proc/self cannot be read"),
        ({"host": "0.0.0.0"}, r"^RAVINE_HOST is 0\.0\.0\.0 and there is no token: set RAVINE_TOKEN first\.$"),
        ({"host": "0.0.0.0", "token": ""}, r"^RAVINE_HOST is 0\.0\.0\.0 and there is no token"),
        ({"executor": "slurm"}, "^RAVINE_EXECUTOR: Input should be 'local', 'ray' or 'external'; see the table"),
        ({"port": "many"}, "^RAVINE_PORT: Input should be a valid integer"),
        ({"url": "api"}, "^RAVINE_URL: should be an address such as http://host:8000; see the table"),
        ({"url": "http://me:hunter2"}, "^RAVINE_URL: should be an address such as http://host:8000; see the table"),
        ({"url": "http://me:hunter2@api:8000"}, "^RAVINE_URL: should hold no user and no password"),
        ({"mlflow_uri": "http://me:hunter2@mlflow:5000"}, "^RAVINE_MLFLOW_URI: should hold no .*MLFLOW_TRACKING_PASSW"),
        ({"mlflow_uri": "http://[::1"}, "^RAVINE_MLFLOW_URI: should be an address such as"),
        ({"mlflow_uri": "mlflow:5000"}, "^RAVINE_MLFLOW_URI: should be an address such as"),
        ({"executor": "ray"}, "^RAY_ADDRESS: RAVINE_EXECUTOR is ray, and no Ray is named; set it to"),
    ],
)
def test_what_is_wrong_and_how_to_mend_it(
    wrong: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(f"RAVINE_{name.upper()}", value)
    monkeypatch.setenv("RAVINE_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=words) as caught:
        check_start(load())
    assert "hunter2" not in caught.value.detail
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize("given", [{"join_token": "mine"}, {"join_token_file": "/proc/self/comm"}])
def test_a_join_token_that_is_given_needs_no_folder_to_make_one(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**given, "home": str(tmp_path)}.items():
        monkeypatch.setenv(f"RAVINE_{name.upper()}", value)
    assert load().own_join_token() == load().shared_join_token()
    assert list(tmp_path.iterdir()) == []


def test_workers_find_an_api_that_took_a_free_port(tmp_path: Path) -> None:
    with running(API, variables(tmp_path, executor="local", workers=1)) as api:
        too_late = threading.Timer(START_SECONDS, api.kill)
        too_late.start()
        assert api.stdout is not None
        assert any("worker.hello" in line for line in api.stdout)
        too_late.cancel()
        api.terminate()
        assert api.wait(START_SECONDS) == 0


def test_an_address_may_end_with_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVINE_URL", "http://[fe80::1]:8000/ravine/")
    monkeypatch.setenv("RAVINE_MLFLOW_URI", "http://mlflow:5000/")
    settings = load()
    assert (settings.worker_url, settings.mlflow_url) == ("http://[fe80::1]:8000/ravine", "http://mlflow:5000")


def test_ray_without_a_token_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RAVINE_EXECUTOR": "ray", "RAVINE_HOME": tmp_path, "RAY_ADDRESS": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ConfigurationError, match=r"^RAY_AUTH_TOKEN: there is no token for Ray; start Ray with"):
        check_start(load())


@pytest.mark.parametrize("token", [" ", "hunter2\n2", "hünter2"])
def test_no_secret_is_sent_that_no_header_can_carry(token: str, tmp_path: Path) -> None:
    ray = {"RAY_ADDRESS": "http://127.0.0.1:9", "RAY_AUTH_TOKEN": token}
    assert refusal(API, variables(tmp_path, executor="ray") | ray).startswith("RAY_AUTH_TOKEN: it ")
    assert refusal(WORKER, variables(tmp_path, join_token=token)).startswith("RAVINE_JOIN_TOKEN: it ")
    assert refusal(API, variables(tmp_path, join_token=token)).startswith("RAVINE_JOIN_TOKEN: it ")


def test_what_runs_user_code_inherits_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Ray's nodes the variables of a worker hold the token of the whole cluster."""
    for name in ("RAVINE_JOIN_TOKEN", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_JOB_STOP_WAIT_TIME_S"):
        monkeypatch.setenv(name, "hunter2")
    assert [name for name, value in inherited().items() if value == "hunter2"] == ["RAY_JOB_STOP_WAIT_TIME_S"]
