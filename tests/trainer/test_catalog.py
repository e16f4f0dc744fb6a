import subprocess
import sys
from pathlib import Path

import pytest

from trainer.catalog import (
    DATASETS,
    MODELS,
    SETTINGS,
    check_metric,
    check_problem,
    check_settings,
    dataset,
    default_metric,
    metrics,
)
from trainer.config import LinearModel, MetricConfig, MlpModel, ProblemConfig
from trainer.datasets import load
from trainer.settings import Settings


@pytest.mark.parametrize("name", DATASETS)
def test_the_facts_are_those_of_the_real_data(name: str) -> None:
    info, parts = dataset(name), load(name)
    sizes = (info.num_train, info.num_validation, info.num_test)
    assert tuple(len(part.x) for part in (parts.train, parts.validation, parts.test)) == sizes
    assert tuple(len(part.y) for part in (parts.train, parts.validation, parts.test)) == sizes
    assert parts.train.x.shape[1] == info.num_features
    if info.task == "classification":
        assert set(parts.train.y.tolist()) == set(range(info.num_classes))
    else:
        assert info.num_classes == 0


def test_every_setting_and_model_is_described() -> None:
    assert set(SETTINGS) == set(Settings.model_fields)
    assert set(MODELS) == {LinearModel().kind, MlpModel().kind}


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"dgits.*choose one of digits, breast_cancer, wine, diabetes, quadratic"):
        check_problem(ProblemConfig(dataset="dgits"))


def test_a_data_set_that_brings_its_model_takes_no_other() -> None:
    check_problem(ProblemConfig(dataset="quadratic"))
    with pytest.raises(ValueError, match="model: quadratic brings its own"):
        check_problem(ProblemConfig(dataset="quadratic", model=LinearModel()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(batch_size=108), "batch_size: 108 is more than the 107"),
        (Settings(nesterov=True), "nesterov: it needs momentum"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_settings(settings, problem=ProblemConfig(dataset="wine"))


def test_settings_that_fit_are_taken() -> None:
    for settings in (Settings(batch_size=107), Settings(batch_size="full"), Settings(nesterov=True, momentum=0.5)):
        check_settings(settings, problem=ProblemConfig(dataset="wine"))


@pytest.mark.parametrize("name", DATASETS)
def test_the_default_metric_is_one_that_is_reported(name: str) -> None:
    problem = ProblemConfig(dataset=name)
    check_metric(default_metric(problem), problem=problem)


def test_a_metric_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match="diabetes reports no 'val_accuracy'"):
        check_metric(MetricConfig(name="val_accuracy"), problem=ProblemConfig(dataset="diabetes"))
    assert "val_r2" in metrics(ProblemConfig(dataset="diabetes"))


def test_describing_loads_no_torch() -> None:
    code = "import sys, trainer.catalog, trainer.source; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root, timeout=60).returncode == 0
