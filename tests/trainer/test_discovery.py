"""How problems of users' own are found, and what they say of themselves."""

import logging
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.trainer.own_problems import EXAMPLE, OWN, ROOT, SPIRALS, own_file
from trainer.own.discovery import discover


def test_a_problem_is_described_without_being_called(tmp_path: Path) -> None:
    own = own_file(tmp_path)
    facts = {facts.name: facts for facts in discover([own, SPIRALS])}
    line = facts["line"]
    assert (line.kind, line.task, line.description, line.brings_model) == ("plugin", "own", "A line.", True)
    assert line.digest == sha256(Path(own).read_bytes()).hexdigest()
    assert line.metrics == ("val_worst",)
    assert line.settings == {"problem.wrong": "Where it shall go wrong.", "problem.slope": "slope (float)"}
    assert line.defaults == {"problem.wrong": "", "problem.slope": 1.0}
    spirals = facts["spirals"]
    assert spirals.task == "classification"
    assert spirals.description.startswith("Two interleaved spirals")
    assert spirals.settings["problem.width"] == "Units of each of the two hidden layers."
    assert spirals.defaults == {"problem.width": 32, "problem.noise": 0.05, "problem.dropout": 0.0}


def test_a_file_that_cannot_be_imported_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, text in {
        "broken": "import no_such_module_at_all",
        "ending": "raise SystemExit(3)",
        "empty": "",
        "no_default": OWN.replace("slope: float = 1", "slope: float"),
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    paths = [str(tmp_path / f"{name}.py") for name in ("broken", "ending", "empty", "no_default", "not_there")]
    assert [facts.name for facts in discover([*paths, own_file(tmp_path), "no.such.module"])] == ["line"]
    assert "No module named 'no_such_module_at_all'" in caplog.text
    assert "empty.py holds no function under @problem" in caplog.text
    assert "slope: a setting is keyword-only and has a default" in caplog.text
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 5


def test_of_two_problems_of_one_name_the_first_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    second = tmp_path / "second.py"
    second.write_text(OWN.replace("A line.", "Another line."))
    assert [facts.description for facts in discover([own_file(tmp_path), str(second)])] == ["A line."]
    assert "is left out" in caplog.text


def test_the_digest_of_a_problem_in_a_package_covers_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "digested_package"
    (package / "inner").mkdir(parents=True)
    for name, text in {"__init__.py": "", "problems.py": OWN, "inner/rates.py": "LOW = 1"}.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    def digest() -> str | None:
        [facts] = discover(["digested_package.problems"])
        return facts.digest

    first = digest()
    (package / "notes.txt").write_text("Nothing that runs.")
    assert digest() == first
    (package / "inner" / "rates.py").write_text("LOW = 2")
    second = digest()
    (package / "inner" / "rates.py").rename(package / "rates.py")
    assert len({first, second, digest(), sha256(OWN.encode()).hexdigest()}) == 4


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True, timeout=120)
    code = "from trainer.own.discovery import discover; print(*(f'{one.name} {one.digest}' for one in discover([])))"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    digest = sha256((EXAMPLE / "ravine_spirals.py").read_bytes()).hexdigest()
    assert found.stdout.split() == ["spirals", digest], found.stderr
