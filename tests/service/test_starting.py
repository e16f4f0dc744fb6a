"""Bad starts: each ends at once with code 2 and one line that says what is wrong and how to mend it."""

import socket
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.settings import load
from service.starting.checking import check_start
from service.starting.home import own_home
from tests.service.programs import (
    API,
    MIGRATE,
    RECORDER,
    UP,
    refusal,
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
        ({"token_file": "/proc/self"}, "^RAVINE_TOKEN_FILE: /proc/self cannot be read"),
        ({"host": "0.0.0.0"}, r"^RAVINE_HOST is 0\.0\.0\.0 and there is no token: set RAVINE_TOKEN first\.$"),
        ({"host": "0.0.0.0", "token": ""}, r"^RAVINE_HOST is 0\.0\.0\.0 and there is no token"),
        ({"executor": "slurm"}, "^RAVINE_EXECUTOR: Input should be 'local', 'ray' or 'external'; see the table"),
        ({"port": "many"}, "^RAVINE_PORT: Input should be a valid integer"),
        ({"url": "api"}, "^RAVINE_URL: should be an address such as http://host:8000; see the table"),
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


def test_ray_without_a_token_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RAVINE_EXECUTOR": "ray", "RAVINE_HOME": tmp_path, "RAY_ADDRESS": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(ConfigurationError, match=r"^RAY_AUTH_TOKEN: there is no token for Ray; start Ray with"):
        check_start(load())


def test_a_home_in_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"^RAVINE_HOME: nothing can be made in .*file \(Not a directory\); "):
        own_home(tmp_path / "file" / "home")
