"""R1: every line is in its room, and rooms lie above one another."""

import subprocess
import sys

import pytest

from tests.house.graph import cycles, import_graph, imports_in_functions, reach_torch, upward
from tests.house.source import PACKAGES, PROGRAMS, ROOT, Source, sources
from tests.house.words import strange_environment, strange_sql, strange_words

OURS = sources(*PACKAGES)


def made_up(text: str, *, path: str = "service/made_up.py") -> Source:
    return Source(path=path, text=text)


def test_words_are_in_their_rooms() -> None:
    assert [found for source in OURS for found in strange_words(source)] == []


@pytest.mark.parametrize(
    "line", ["import torch", "from optuna.trial import Trial", "import mlflow", "from fastapi import Depends"]
)
def test_a_word_in_a_strange_room_is_found(line: str) -> None:
    assert len(list(strange_words(made_up(line)))) == 1


def test_sql_is_in_its_rooms() -> None:
    assert [found for source in OURS for found in strange_sql(source)] == []


def test_sql_in_a_strange_room_is_found() -> None:
    assert list(strange_sql(made_up('query = "SELECT id FROM sweep"')))
    assert not list(strange_sql(made_up('label = "Select a sweep"')))


def test_the_environment_is_read_in_one_place() -> None:
    assert [found for source in sources(*PROGRAMS) for found in strange_environment(source)] == []


def test_a_read_of_the_environment_is_found() -> None:
    assert list(strange_environment(made_up("import os\nhome = os.environ['HOME']")))


def test_imports_make_no_circle() -> None:
    assert cycles(import_graph(OURS)) == []


def test_a_circle_is_found() -> None:
    one = made_up("from service import two", path="service/one.py")
    two = made_up("import service.one", path="service/two.py")
    assert cycles(import_graph([one, two]))


def test_imports_point_down() -> None:
    assert list(upward(import_graph(OURS))) == []


def test_an_import_that_points_up_is_found() -> None:
    low = made_up("from service.high import thing", path="trainer/low.py")
    high = made_up("thing = 1", path="service/high.py")
    assert list(upward(import_graph([low, high])))


def test_only_the_trainer_and_its_child_load_torch() -> None:
    assert list(reach_torch(OURS)) == []


def test_torch_behind_a_corner_is_found() -> None:
    train = made_up("import torch", path="trainer/train.py")
    near = made_up("from trainer.train import step", path="service/trainer_child.py")
    far = made_up("import service.trainer_child", path="service/far.py")
    assert [line.split()[0] for line in reach_torch([train, near, far])] == ["service.far"]


def test_no_import_hides_in_a_function() -> None:
    assert [found for source in sources(*PROGRAMS, "tests") for found in imports_in_functions(source)] == []


def test_an_import_in_a_function_is_found() -> None:
    assert list(imports_in_functions(made_up("def f():\n    import os")))


@pytest.mark.parametrize(
    ("module", "strangers"),
    [
        ("service.app", ("torch", "mlflow", "ray")),
        ("service.worker.worker", ("torch", "mlflow", "optuna", "ray", "sqlalchemy", "psycopg", "sqlite3")),
        ("service.client", ("torch", "mlflow", "optuna", "sqlalchemy", "fastapi")),
        ("service.commands.cli", ("torch", "mlflow", "optuna", "sqlalchemy", "fastapi")),
        ("service.supervision.up", ("torch", "mlflow", "optuna", "sqlalchemy", "fastapi")),
    ],
)
def test_importing_a_program_loads_no_stranger(module: str, strangers: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*(name for name in {strangers!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
