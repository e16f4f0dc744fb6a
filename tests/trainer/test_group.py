"""Which trials can be stacked: those of one problem, model shape, optimizer and batch size."""

import pytest

from trainer.config import CnnModel, MetricConfig, MlpModel, ModelConfig, Precision, ProblemConfig
from trainer.group import group_of
from trainer.settings import Setting, settings_of


def group(
    settings: dict[str, Setting] | None = None,
    *,
    model: ModelConfig = MlpModel(hidden=(8,), dropout=0.2),  # noqa: B008 - it is frozen
    dataset: str = "wine",
    metric: str = "val_accuracy",
    precision: Precision = "float32",
) -> str:
    problem = ProblemConfig(dataset=dataset, model=model)
    given = settings_of({"learning_rate": 0.1, **(settings or {})})
    return group_of(problem, settings=given, metric=MetricConfig(name=metric), precision=precision)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "lr_decay": 0.1},
        {"velocity": "classical", "gradient_clip_norm": 1.0, "shuffle": False, "early_stopping_patience": 3},
        {"schedule": "cosine", "warmup_epochs": 2.0},
    ],
)
def test_what_each_row_has_of_its_own_is_no_matter_of_the_group(settings: dict[str, Setting]) -> None:
    assert group(settings) == group()


def test_how_much_a_dropout_leaves_out_is_each_rows_own_but_not_whether_there_is_one() -> None:
    assert group(model=MlpModel(hidden=(8,), dropout=0.7)) == group()
    assert group(model=MlpModel(hidden=(8,))) != group()


def test_the_parameters_of_an_optimizer_are_each_rows_own() -> None:
    adam: dict[str, Setting] = {"optimizer": "adam"}
    assert group(adam) == group({**adam, "optimizer.adam.beta1": 0.5})


def test_what_the_stack_shares_makes_the_group() -> None:
    groups = [
        group(),
        group({"batch_size": 16}),
        group({"batch_size": "full"}),
        group({"optimizer": "adam"}),
        group({"optimizer": "adamw"}),
        group(model=MlpModel(hidden=(9,), dropout=0.2)),
        group(model=MlpModel(hidden=(8,), activation="tanh", dropout=0.2)),
        group(model=CnnModel(), dataset="digits"),
        group(dataset="digits"),
        group(metric="val_loss"),
        group(precision="bfloat16"),
    ]
    assert len(set(groups)) == len(groups)


def test_a_group_is_named_alike_in_every_process() -> None:
    assert group() == "d630f92f9116b134"
    assert len(group()) == 16
