"""R2, R5, R8, R9, R10 and the rest that eyes can see: sizes, names, arguments, docstrings."""

from tests.house import shape
from tests.house.source import PROGRAMS, ROOT, Source, sources

ALL = sources(*PROGRAMS, "tests")
PROGRAM = sources(*PROGRAMS)

BROAD_EXCEPTS = {
    "service/timekeeper.py": "around the one thread in which time passes: it says why, and ends the service",
    "service/routes/together.py": "around several workers' requests: each is then tried alone",
    "service/coordination/search.py": "around one sweep's search: Optuna may raise anything",
    "service/recorder/recorder.py": "around one step of the recorder: MLflow may raise anything",
    "service/trainer_child.py": "around one worker's training: the reason goes to the parent",
    "service/worker/link.py": "around one worker's exchange",
    "trainer/own/discovery.py": "around one plugin: its code may raise anything while it is imported",
    "trainer/tasks/running.py": "around one task: a user's model may raise anything",
    "trainer/loop.py": "around one trial: a user's model may raise anything",
    "trainer/fused/scores.py": "around one row's scores: a user's metric may raise anything",
    "trainer/fused/stackable.py": "around a user's model beside other rows: whatever it raises, it is serial",
}
LONG_FUNCTIONS = {
    "service/migrations/versions/0001_the_first_schema.py::upgrade": "one schema in one step, never changed again",
}
LONG_FILES: dict[str, str] = {}
CROWDED_FUNCTIONS: dict[str, str] = {}
POSITIONAL_FUNCTIONS = {
    "service/app.py::Server.handle_exit": "the signature is uvicorn's",
    "service/routes/deps.py::user": "FastAPI fills it in, by name",
    "service/routes/deps.py::joining": "FastAPI fills it in, by name",
    "sweeps/studies/samplers.py::Sobol.infer_relative_search_space": "the signature is Optuna's",
    "sweeps/space/parameters.py::same": "two of a kind",
    "trainer/own/logged.py::log_metric": "a name and its value, as everybody logs them",
    "trainer/data/metrics.py::accuracy": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::auc": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::balanced_accuracy": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::f1_macro": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::mae": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::mse": "outputs and targets, as every loss of torch takes them",
    "trainer/data/metrics.py::r2": "outputs and targets, as every loss of torch takes them",
    "trainer/models/quadratic.py::ravine_loss": "outputs and targets, as every loss of torch takes them",
}


def made_up(text: str, *, path: str = "service/made_up.py") -> Source:
    return Source(path=path, text=text)


def test_init_files_are_empty() -> None:
    assert [source.path for source in ALL if source.path.endswith("__init__.py") and source.text] == []


def test_file_names_say_something() -> None:
    assert [found for source in ALL for found in shape.roomless_names(source)] == []


def test_a_name_that_says_nothing_is_found() -> None:
    assert list(shape.roomless_names(made_up("", path="service/sweep_utils.py")))
    assert not list(shape.roomless_names(made_up("", path="service/database/database.py")))


def test_broad_excepts_stand_at_the_borders() -> None:
    found = {place.split(":")[0] for source in PROGRAM for place in shape.broad_excepts(source)}
    assert sorted(found) == sorted(BROAD_EXCEPTS)


def test_a_broad_except_is_found() -> None:
    assert list(shape.broad_excepts(made_up("try:\n    pass\nexcept (OSError, Exception):\n    pass")))
    assert list(shape.broad_excepts(made_up("try:\n    pass\nexcept:\n    pass")))
    assert not list(shape.broad_excepts(made_up("try:\n    pass\nexcept BaseException:\n    x = 1\n    raise")))


def test_functions_can_be_seen_at_once() -> None:
    assert sorted(found for source in ALL for found in shape.long_functions(source)) == sorted(LONG_FUNCTIONS)


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n"
    assert list(shape.long_functions(made_up("def f():\n" + body * 40))) == ["service/made_up.py::f"]
    assert not list(shape.long_functions(made_up("def f():\n" + body * 39)))


def test_files_have_one_idea() -> None:
    assert sorted(found for source in ALL for found in shape.long_files(source)) == sorted(LONG_FILES)


def test_a_long_file_is_found() -> None:
    assert list(shape.long_files(made_up("x = 1\n" * 251)))


def test_functions_take_few_arguments() -> None:
    assert sorted(found for source in PROGRAM for found in shape.crowded_functions(source)) == sorted(CROWDED_FUNCTIONS)


def test_a_crowded_function_is_found() -> None:
    assert list(shape.crowded_functions(made_up("def f(a, *, b, c, d, e, f): ...")))
    assert not list(shape.crowded_functions(made_up("class C:\n    def f(self, a, *, b, c, d, e): ...")))


def test_arguments_after_the_first_have_names() -> None:
    assert sorted(found for source in PROGRAM for found in shape.positional_functions(source)) == sorted(
        POSITIONAL_FUNCTIONS
    )


def test_a_second_positional_argument_is_found() -> None:
    assert list(shape.positional_functions(made_up("def f(a, b): ...")))
    assert not list(shape.positional_functions(made_up("def f(connection: Connection, a, *, b): ...")))


def test_no_boolean_goes_by_position() -> None:
    assert [found for source in PROGRAM for found in shape.positional_booleans(source)] == []


def test_a_positional_boolean_is_found() -> None:
    assert list(shape.positional_booleans(made_up("def f(wait: bool): ...")))
    assert not list(shape.positional_booleans(made_up("def f(*, wait: bool): ...")))


def test_what_is_public_has_a_docstring() -> None:
    assert [found for source in PROGRAM for found in shape.undocumented(source)] == []


def test_a_missing_docstring_is_found() -> None:
    assert len(list(shape.undocumented(made_up("class C:\n    def f(self): ...\n    def _g(self): ...")))) == 3


def test_no_folder_of_a_hosting_service() -> None:
    assert not (ROOT / ".github").exists()
