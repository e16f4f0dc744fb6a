"""The baseline: what it says of settings, models and plugins."""

from sweeps.space.baseline import BASELINE, baseline
from sweeps.space.coordinates import COORDINATES
from trainer.config import CnnModel, LinearModel, MlpModel, ProblemConfig, ResnetModel
from trainer.model_settings import MODEL_SETTINGS
from trainer.settings import SETTINGS, Settings, paths_of, settings_of


def test_it_names_every_setting_and_coordinate() -> None:
    assert BASELINE.keys() == SETTINGS.keys() | COORDINATES.keys()


def test_all_but_learning_rate_momentum_and_batch_size_is_off() -> None:
    plain = settings_of({name: BASELINE[name] for name in paths_of(Settings())})
    assert plain == Settings(learning_rate=0.01, momentum=0.9, batch_size=32)


def test_the_model_is_as_the_problem_says() -> None:
    for model in (LinearModel(), MlpModel(hidden=(8, 4), dropout=0.5), CnnModel(), ResnetModel(blocks=3)):
        said = baseline(ProblemConfig(dataset="digits", model=model))
        assert {name for name in said if name.startswith("model.")} == MODEL_SETTINGS[model.kind].keys()
    mlp = baseline(ProblemConfig(dataset="digits", model=MlpModel(hidden=(8, 4), dropout=0.5)))
    assert (mlp["model.width"], mlp["model.depth"], mlp["model.dropout"]) == (8, 2, 0.5)


def test_a_plugins_own_settings_are_as_the_problem_says() -> None:
    assert baseline(ProblemConfig(plugin="mine", settings={"depth": 3}))["problem.depth"] == 3
