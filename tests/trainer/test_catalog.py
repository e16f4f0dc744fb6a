import subprocess
import sys
from pathlib import Path

import pytest

from trainer.catalog import (
    DATASETS,
    MODELS,
    check_metric,
    check_problem,
    check_settings,
    dataset,
    default_metric,
    metrics,
    reported_scores,
)
from trainer.config import CnnModel, LinearModel, MetricConfig, MlpModel, ProblemConfig, ResnetModel
from trainer.data.datasets import load
from trainer.kinds import Cosine
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


def test_every_model_is_described() -> None:
    assert set(MODELS) == {model().kind for model in (LinearModel, MlpModel, CnnModel, ResnetModel)}


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"dgits.*choose one of digits, breast_cancer, wine, diabetes, quadratic"):
        dataset("dgits")


def test_a_data_set_that_brings_its_model_takes_no_other() -> None:
    facts = dataset("quadratic")
    check_problem(ProblemConfig(dataset="quadratic"), facts=facts)
    with pytest.raises(ValueError, match="model: quadratic brings its own"):
        check_problem(ProblemConfig(dataset="quadratic", model=LinearModel()), facts=facts)


def test_a_model_of_images_takes_no_rows_of_numbers() -> None:
    check_problem(ProblemConfig(dataset="digits", model=CnnModel()), facts=dataset("digits"))
    with pytest.raises(ValueError, match="model: cnn needs images, and wine has rows of numbers; use mlp"):
        check_problem(ProblemConfig(dataset="wine", model=CnnModel()), facts=dataset("wine"))


def test_a_metric_or_a_setting_that_nobody_knows_is_refused() -> None:
    facts = dataset("wine")
    with pytest.raises(ValueError, match="metrics: wine has no metric 'val_r2'; choose from"):
        check_problem(ProblemConfig(dataset="wine", metrics=("val_r2",)), facts=facts)
    with pytest.raises(ValueError, match=r"settings.depth: wine has no such setting of its own; known: it has none"):
        check_problem(ProblemConfig(dataset="wine", settings={"depth": 3}), facts=facts)


def test_a_report_holds_the_score_of_the_task_and_those_asked_for() -> None:
    facts, problem = dataset("wine"), ProblemConfig(dataset="wine", metrics=("val_auc",))
    assert reported_scores(facts, problem=problem, metric=default_metric(facts)) == ("val_accuracy", "val_auc")
    searched = MetricConfig(name="val_f1_macro")
    assert reported_scores(facts, problem=ProblemConfig(dataset="wine"), metric=searched) == (
        "val_accuracy",
        "val_f1_macro",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(batch_size=108), "batch_size: 108 is more than the 107"),
        (Settings(nesterov=True), "nesterov: it needs momentum"),
        (Settings(lr_decay=0.1, schedule=Cosine()), "lr_decay: it is for the schedule constant"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_settings(settings, facts=dataset("wine"))


def test_settings_that_fit_are_taken() -> None:
    for settings in (Settings(batch_size=107), Settings(batch_size="full"), Settings(nesterov=True, momentum=0.5)):
        check_settings(settings, facts=dataset("wine"))


@pytest.mark.parametrize("name", DATASETS)
def test_the_default_metric_is_one_that_is_reported(name: str) -> None:
    check_metric(default_metric(dataset(name)), facts=dataset(name))


def test_a_metric_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match="diabetes reports no 'val_accuracy'"):
        check_metric(MetricConfig(name="val_accuracy"), facts=dataset("diabetes"))
    assert "val_r2" in metrics(dataset("diabetes"))


def test_describing_loads_no_torch() -> None:
    code = "import sys, trainer.catalog, trainer.source; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=root, timeout=60).returncode == 0
