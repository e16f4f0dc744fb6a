"""What can be trained, described without loading any of it. Torch-free."""

from collections.abc import Mapping
from types import MappingProxyType

from trainer.config import MetricConfig, MlpModel, ProblemConfig
from trainer.conflicts import check_conflicts
from trainer.facts import LearningTask, ProblemFacts
from trainer.own.settings import typed
from trainer.settings import Settings

_ALL = (
    ProblemFacts(
        name="digits",
        task="classification",
        description="Handwritten digits of 8x8 pixels (scikit-learn).",
        num_train=1078,
        num_validation=360,
        num_test=359,
        input_shape=(1, 8, 8),
        num_classes=10,
    ),
    ProblemFacts(
        name="breast_cancer",
        task="classification",
        description="Malignant or benign from 30 measurements of cell nuclei (scikit-learn).",
        num_train=341,
        num_validation=114,
        num_test=114,
        input_shape=(30,),
        num_classes=2,
    ),
    ProblemFacts(
        name="wine",
        task="classification",
        description="Three cultivars from 13 chemical measurements (scikit-learn).",
        num_train=107,
        num_validation=36,
        num_test=35,
        input_shape=(13,),
        num_classes=3,
    ),
    ProblemFacts(
        name="diabetes",
        task="regression",
        description="Disease progression after one year from 10 measurements, target standardised (scikit-learn).",
        num_train=265,
        num_validation=89,
        num_test=88,
        input_shape=(10,),
    ),
    ProblemFacts(
        name="quadratic",
        task="quadratic",
        description="An ill-conditioned ravine with a known minimum: every batch sees the whole function.",
        num_train=128,
        num_validation=1,
        num_test=1,
        input_shape=(1,),
        brings_model=True,
    ),
)

DATASETS: Mapping[str, ProblemFacts] = MappingProxyType({facts.name: facts for facts in _ALL})
"""The data sets that ship with Ravine."""

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "linear": "One affine layer.",
        "mlp": "Affine layers with an activation (and dropout) between them; hidden holds their widths.",
        "cnn": "Stages of convolution, GroupNorm, activation and pooling, for images; channels holds their widths.",
        "resnet": "Stages of residual blocks with GroupNorm, for images; channels holds their widths.",
    }
)
IMAGE_MODELS = ("cnn", "resnet")

SCORES: Mapping[LearningTask, tuple[str, ...]] = MappingProxyType(
    {
        "classification": ("val_accuracy", "val_balanced_accuracy", "val_f1_macro", "val_auc"),
        "regression": ("val_r2", "val_mse", "val_mae"),
        "quadratic": (),
        "own": (),
    }
)
"""The scores of a task on held-out data. The first is in every report, another where it is asked for."""

ALWAYS = (
    "train_loss",
    "val_loss",
    "generalization_gap",
    "learning_rate",
    "momentum",
    "grad_norm",
    "epoch_seconds",
)
"""The metrics in every epoch report, whatever the problem."""

_DEFAULT_METRICS: dict[LearningTask, MetricConfig] = {
    "classification": MetricConfig(name="val_accuracy", goal="maximize"),
    "regression": MetricConfig(name="val_r2", goal="maximize"),
    "quadratic": MetricConfig(name="val_loss", goal="minimize"),
    "own": MetricConfig(name="val_loss", goal="minimize"),
}


def dataset(name: str) -> ProblemFacts:
    """The facts about a built-in data set; ValueError with the known names where there is none of this name."""
    if name not in DATASETS:
        raise ValueError(f"dataset: there is no data set {name!r}; choose one of {', '.join(DATASETS)}")
    return DATASETS[name]


def metrics(facts: ProblemFacts) -> tuple[str, ...]:
    """The names of the metrics that can be searched on, in `metric` and `problem.metrics`."""
    return (*ALWAYS[:2], *SCORES[facts.task], *facts.metrics, *ALWAYS[2:])


def reported_scores(facts: ProblemFacts, *, problem: ProblemConfig, metric: MetricConfig) -> tuple[str, ...]:
    """The scores in every epoch report of a training, in a fixed order: the task's own, and those asked for."""
    wanted = {*SCORES[facts.task][:1], *facts.metrics, *problem.metrics, metric.name}
    return tuple(name for name in (*SCORES[facts.task], *facts.metrics) if name in wanted)


def default_metric(facts: ProblemFacts) -> MetricConfig:
    """The metric to search on where a sweep names none."""
    return _DEFAULT_METRICS[facts.task]


def check_problem(problem: ProblemConfig, *, facts: ProblemFacts) -> None:
    """ValueError (`field: what; mend`) where the parts of the problem do not fit together."""
    if problem.model is not None and facts.kind == "plugin":
        raise ValueError(f"model: the problem {facts.name} brings its own model; leave model out")
    if problem.model is not None and facts.brings_model:
        raise ValueError(f"model: {facts.name} brings its own model; leave model out")
    if problem.model is not None and problem.model.kind in IMAGE_MODELS and len(facts.input_shape) != 3:
        raise ValueError(f"model: {problem.model.kind} needs images, and {facts.name} has rows of numbers; use mlp")
    known = metrics(facts)
    for name in problem.metrics:
        if name not in known:
            raise ValueError(f"metrics: {facts.name} has no metric {name!r}; choose from {', '.join(known)}")
    for name in problem.settings:
        if f"problem.{name}" not in facts.settings:
            own = ", ".join(path.removeprefix("problem.") for path in facts.settings) or "it has none"
            raise ValueError(f"settings.{name}: {facts.name} has no such setting of its own; known: {own}")
        if (default := facts.defaults.get(f"problem.{name}")) is not None:
            typed(problem.settings[name], kind=type(default), path=f"settings.{name}")


def complete(problem: ProblemConfig, *, facts: ProblemFacts) -> ProblemConfig:
    """The problem with nothing left to default: its model named, its content pinned, a plugin's own settings all there.

    The model is the default MLP where none is named and none is brought.
    """
    brought = facts.brings_model or facts.kind == "plugin"
    model = problem.model or (None if brought else MlpModel())
    own = {path.removeprefix("problem."): value for path, value in facts.defaults.items()}
    return problem.model_copy(update={"model": model, "digest": facts.digest, "settings": own | problem.settings})


def check_settings(settings: Settings, *, facts: ProblemFacts) -> None:
    """ValueError (`field: what; mend`) where fixed settings do not fit the problem or each other."""
    num_train = facts.num_train
    if num_train is not None and settings.batch_size != "full" and settings.batch_size > num_train:
        raise ValueError(
            f"batch_size: {settings.batch_size} is more than the {num_train} training examples of {facts.name}; "
            f"choose at most {num_train}, or full"
        )
    check_conflicts(settings)


def check_metric(metric: MetricConfig, *, facts: ProblemFacts) -> None:
    """ValueError where the problem reports no metric of this name."""
    known = metrics(facts)
    if metric.name not in known:
        raise ValueError(f"metric: {facts.name} reports no {metric.name!r}; choose one of {', '.join(known)}")
