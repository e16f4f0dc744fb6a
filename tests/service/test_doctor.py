"""The doctor's findings."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.commands.doctor import (
    api_check,
    database_check,
    disk_check,
    mlflow_check,
    permission_checks,
    ray_check,
    version_checks,
)
from service.settings import Settings, with_variables
from service.supervision.addresses import Addresses
from service.supervision.ports import free_port
from tests.databases import PostgresDatabases
from tests.service.database_look import Look
from tests.service.scripted_api import Said, ScriptedApi, scripted_api


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api() as serving:
        yield serving


def test_a_service_that_answers_is_found_by_its_note(api: ScriptedApi, tmp_path: Path) -> None:
    api.says("GET /readyz", Said(body=b"{}"))
    api.says("GET /health", Said(body=b"OK"))
    Addresses(api=api.url, mlflow=api.url).write(tmp_path)
    settings = Settings(home=tmp_path)
    assert api_check(settings).found == mlflow_check(settings).found == f"answers at {api.url}"


def test_free_and_taken_ports(tmp_path: Path) -> None:
    assert api_check(Settings(home=tmp_path, port=free_port())).status == "ok"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.close()
    with scripted_api() as other:
        port = int(other.url.rpartition(":")[2])
        found = api_check(Settings(home=tmp_path, port=port))
        assert (found.status, found.mend) == ("bad", "set RAVINE_PORT to another port, or to 0")


def test_an_mlflow_elsewhere_that_is_away_is_a_warning(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    assert mlflow_check(Settings(home=tmp_path, mlflow_uri=away)).status == "warn"


def test_databases(tmp_path: Path) -> None:
    assert "first start" in database_check(Settings(home=tmp_path)).found
    assert not (tmp_path / "ravine.db").exists(), "the doctor makes nothing"
    (tmp_path / "ravine.db").touch()
    assert database_check(Settings(home=tmp_path)).status == "ok"
    away = Settings(home=tmp_path, database_url=f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/ravine")
    found = database_check(away)
    assert found.status == "bad"
    assert "secret" not in found.found


def test_a_password_among_the_options_is_not_shown(postgres: PostgresDatabases) -> None:
    found = database_check(Settings(database_url=f"{postgres.server.url()}?password=hunter2"))
    assert (found.status, "hunter2" in found.found) == ("ok", False)


@pytest.mark.parametrize(
    ("revision", "words", "mend"),
    [
        ("0001", "its schema is 0001, older than", "back the database up, then run: ravine migrate"),
        ("9999", "its schema is 9999, which this Ravine does not know", "install a Ravine that is at least as new"),
    ],
)
def test_a_database_with_another_schema(tmp_path: Path, revision: str, words: str, mend: str) -> None:
    file = tmp_path / "ravine.db"
    look = Look(f"sqlite:///{file}")
    look.migrate_to("0001")
    look.run(f"UPDATE alembic_version SET version_num = '{revision}'")
    look.close()
    before = file.read_bytes()
    found = database_check(Settings(home=tmp_path))
    assert found.status == "bad"
    assert words in found.found
    assert found.mend.startswith(mend)
    assert (file.read_bytes(), os.listdir(tmp_path)) == (before, ["ravine.db"]), "the doctor changes nothing"


def test_a_ray_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "hunter2")
    found = ray_check(Settings(executor="ray"))
    assert (found.status, found.mend) == ("bad", "start it, or mend RAY_ADDRESS")
    assert "cannot be reached" in found.found
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    assert "there is no token" in ray_check(Settings(executor="ray")).found


def test_permissions(tmp_path: Path) -> None:
    token = tmp_path / "join-token"
    token.write_text("x")
    token.chmod(0o644)
    tmp_path.chmod(0o700)
    home, join_token = permission_checks(tmp_path, join_token=token)
    assert home.status == "ok"
    assert (join_token.status, join_token.mend) == ("bad", f"chmod 600 {token}")


def test_disk(tmp_path: Path) -> None:
    assert "GB free" in disk_check(tmp_path).found


def test_versions_of_what_is_not_installed() -> None:
    [found] = version_checks("no-such-package")
    assert (found.status, found.found) == ("warn", "not installed as a package")


def test_versions_that_fit() -> None:
    assert {check.status for check in version_checks("optuna")} <= {"ok"}


def test_the_whole_visit_ends_with_a_code(tmp_path: Path) -> None:
    environment = with_variables(home=tmp_path / "home", port=free_port(), mlflow_port=free_port()) | {"COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "service.commands.doctor"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == (1 if " bad " in done.stdout else 0), done.stderr
    assert all(word in done.stdout for word in ("python", "api", "mlflow", "database", "disk", "device"))
    assert os.listdir(tmp_path) == []


def test_what_is_found_is_shown_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a[bold]b[/c]"
    folder.mkdir(parents=True)
    environment = with_variables(home=folder / "home", token_file=folder / "none", host="0.0.0.0") | {"COLUMNS": "300"}
    command = [sys.executable, "-m", "service.commands.doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert str(folder / "none") in done.stdout


def test_a_wrong_setting_is_a_finding(tmp_path: Path) -> None:
    environment = with_variables(home=tmp_path, port="many") | {"COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "service.commands.doctor"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "RAVINE_PORT" in done.stdout
