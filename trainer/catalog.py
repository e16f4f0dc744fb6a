"""What can be trained, described without loading any of it. Torch-free."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from trainer.config import MetricConfig, MlpModel, ProblemConfig, Settings

Task: TypeAlias = Literal["classification", "regression", "quadratic"]


@dataclass(frozen=True)
class DatasetInfo:
    """The facts about a built-in data set; counts are examples, `num_classes` is 0 where nothing is classified."""

    name: str
    task: Task
    description: str
    num_train: int
    num_validation: int
    num_test: int
    num_features: int
    num_classes: int
    brings_model: bool = False


_ALL = (
    DatasetInfo(
        name="digits",
        task="classification",
        description="Handwritten digits of 8x8 pixels (scikit-learn).",
        num_train=1078,
        num_validation=360,
        num_test=359,
        num_features=64,
        num_classes=10,
    ),
    DatasetInfo(
        name="breast_cancer",
        task="classification",
        description="Malignant or benign from 30 measurements of cell nuclei (scikit-learn).",
        num_train=341,
        num_validation=114,
        num_test=114,
        num_features=30,
        num_classes=2,
    ),
    DatasetInfo(
        name="wine",
        task="classification",
        description="Three cultivars from 13 chemical measurements (scikit-learn).",
        num_train=107,
        num_validation=36,
        num_test=35,
        num_features=13,
        num_classes=3,
    ),
    DatasetInfo(
        name="diabetes",
        task="regression",
        description="Disease progression after one year from 10 measurements, target standardised (scikit-learn).",
        num_train=265,
        num_validation=89,
        num_test=88,
        num_features=10,
        num_classes=0,
    ),
    DatasetInfo(
        name="quadratic",
        task="quadratic",
        description="An ill-conditioned ravine with a known minimum: every batch sees the whole function.",
        num_train=128,
        num_validation=1,
        num_test=1,
        num_features=1,
        num_classes=0,
        brings_model=True,
    ),
)

DATASETS = MappingProxyType({info.name: info for info in _ALL})

MODELS = MappingProxyType(
    {
        "linear": "One affine layer.",
        "mlp": "Affine layers with ReLU between them; hidden holds their widths.",
    }
)

SETTINGS = MappingProxyType(
    {
        "learning_rate": "The size of the first update's step, above 0.",
        "momentum": "The share of the velocity that survives an update, from 0 to below 1.",
        "dampening": "The share of the gradient that does not enter the velocity, from 0 to 1.",
        "nesterov": "Look ahead along the velocity before stepping; needs momentum above 0.",
        "weight_decay": "The pull of every weight towards 0, added to the gradient.",
        "lr_decay": "The learning rate of update t is learning_rate / (1 + lr_decay * t).",
        "batch_size": "Examples per update: an integer, 1 for one at a time, or full for batch gradient descent.",
    }
)

_SCORES: dict[Task, tuple[str, ...]] = {
    "classification": ("val_accuracy",),
    "regression": ("val_r2",),
    "quadratic": (),
}

_DEFAULT_METRICS: dict[Task, MetricConfig] = {
    "classification": MetricConfig(name="val_accuracy", goal="maximize"),
    "regression": MetricConfig(name="val_r2", goal="maximize"),
    "quadratic": MetricConfig(name="val_loss", goal="minimize"),
}


def dataset(name: str) -> DatasetInfo:
    """The facts about a data set; ValueError with the known names where there is none of this name."""
    if name not in DATASETS:
        raise ValueError(f"dataset: there is no data set {name!r}; choose one of {', '.join(DATASETS)}")
    return DATASETS[name]


def metrics(problem: ProblemConfig) -> tuple[str, ...]:
    """The names of the metrics in every epoch report on this problem."""
    return (
        "train_loss",
        "val_loss",
        *_SCORES[dataset(problem.dataset).task],
        "generalization_gap",
        "learning_rate",
        "momentum",
        "grad_norm",
        "epoch_seconds",
    )


def default_metric(problem: ProblemConfig) -> MetricConfig:
    """The metric to search on where a sweep names none."""
    return _DEFAULT_METRICS[dataset(problem.dataset).task]


def check_problem(problem: ProblemConfig) -> None:
    """ValueError where the problem names what is not there or does not fit together."""
    info = dataset(problem.dataset)
    if info.brings_model and problem.model is not None:
        raise ValueError(f"model: {info.name} brings its own model; leave model out")


def complete(problem: ProblemConfig) -> ProblemConfig:
    """The problem with its model named: the default MLP where it names none and the data set brings none."""
    if problem.model is not None or dataset(problem.dataset).brings_model:
        return problem
    return problem.model_copy(update={"model": MlpModel()})


def check_settings(settings: Settings, *, problem: ProblemConfig) -> None:
    """ValueError where fixed settings do not fit the problem or each other."""
    num_train = dataset(problem.dataset).num_train
    if settings.batch_size != "full" and settings.batch_size > num_train:
        raise ValueError(
            f"batch_size: {settings.batch_size} is more than the {num_train} training examples of {problem.dataset}; "
            f"choose at most {num_train}, or full"
        )
    if settings.nesterov and settings.momentum == 0:
        raise ValueError("nesterov: it needs momentum; choose a momentum above 0, or leave nesterov out")


def check_metric(metric: MetricConfig, *, problem: ProblemConfig) -> None:
    """ValueError where the problem reports no metric of this name."""
    known = metrics(problem)
    if metric.name not in known:
        raise ValueError(f"metric: {problem.dataset} reports no {metric.name!r}; choose one of {', '.join(known)}")
