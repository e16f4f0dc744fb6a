"""Without its secrets the stack does not start, and says what is missing."""

import stat
from pathlib import Path

import pytest

from tests.compose.documented import paste, sessions
from tests.compose.engine import Engine
from tests.compose.stack import SECRETS, Stack


@pytest.mark.parametrize("missing", SECRETS)
@pytest.mark.parametrize("line", ["", "{}=\n"])
def test_a_missing_secret_is_named(engine: Engine, tmp_path: Path, missing: str, line: str) -> None:
    stack = Stack(engine, folder=tmp_path)
    others = "".join(f"{name}=secret\n" for name in SECRETS if name != missing)
    stack.env_file.write_text(others + line.format(missing))
    said = stack.compose("config", "--quiet", check=False)
    assert said.returncode != 0
    assert f"{missing} is not set: docs/compose.md" in said.stderr


def test_the_lines_of_the_docs_make_them_all_for_their_owner_alone(engine: Engine, tmp_path: Path) -> None:
    paste(sessions("docs/compose.md")[0], folder=tmp_path)
    made = tmp_path / ".env"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    stack = Stack(engine, folder=tmp_path)
    stack.env_file.write_text(made.read_text())
    assert stack.compose("config", "--quiet").returncode == 0


def test_ray_does_not_start_without_its_token(stack: Stack) -> None:
    started = stack.compose("--profile", "ray", "run", "--rm", "--no-deps", "ray-head", check=False)
    assert started.returncode == 2
    assert "RAY_AUTH_TOKEN is not set" in started.stdout + started.stderr
