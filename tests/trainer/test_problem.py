from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.catalog import DATASETS, SCORES, dataset
from trainer.checkpoint import CheckpointStore, Stored
from trainer.config import CnnModel, LinearModel, MetricConfig, MlpModel, ModelConfig, ProblemConfig
from trainer.errors import ProblemError
from trainer.facts import ProblemFacts
from trainer.packed.preprocessing import decode, encode
from trainer.prepared import AboutData
from trainer.problem import Problem, build_problem

CPU = torch.device("cpu")
IMAGES = ProblemFacts(
    name="stripes",
    task="classification",
    description="Uploaded.",
    num_train=6,
    num_validation=3,
    num_test=3,
    input_shape=(2, 4, 4),
    num_classes=3,
)
PREPROCESSING = {
    "inputs": {"kind": "array", "shape": [2, 4, 4], "mean": [0.0, 0.0], "scale": [1.0, 1.0]},
    "target": {"kind": "classes", "name": "stripe", "classes": ["a", "b", "c"]},
}


def _built(config: ProblemConfig, *, metric: str | None = None, folder: Path = Path("nowhere")) -> Problem:
    searched = None if metric is None else MetricConfig(name=metric)
    return build_problem(config, device=CPU, files=CheckpointStore(folder), metric=searched)


def _upload(folder: Path, *, seed: int = 0, text: str | None = None) -> str:
    """The digest of a small data set of images, stored."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for part, num_rows in (("train", 6), ("validation", 3), ("test", 3)):
        tensors[f"{part}_x"] = torch.randn(num_rows, 2, 4, 4, generator=generator)
        tensors[f"{part}_y"] = torch.arange(num_rows) % 3
    about = AboutData(facts=IMAGES, preprocessing=PREPROCESSING, report={})
    return CheckpointStore(folder).save(Stored(tensors, text or about.model_dump_json()), epoch=0).sha256


@pytest.mark.parametrize("name", DATASETS)
def test_every_part_goes_through_model_loss_and_metrics(name: str) -> None:
    problem = _built(ProblemConfig(dataset=name, metrics=SCORES[dataset(name).task]))
    model = problem.model()
    assert tuple(problem.metrics) == SCORES[dataset(name).task]
    for part in (problem.train, problem.validation, problem.test):
        outputs = model(part.x)
        assert problem.loss(outputs, part.y).isfinite()
        assert all(metric(outputs, part.y).isfinite() for metric in problem.metrics.values())


@pytest.mark.parametrize(
    ("model", "num_weights"),
    [(None, 64 * 65 + 10 * 65), (LinearModel(), 65 * 10), (MlpModel(hidden=(3, 4)), 65 * 3 + 4 * 4 + 5 * 10)],
)
def test_the_model_is_the_configured_one(model: ModelConfig | None, num_weights: int) -> None:
    problem = _built(ProblemConfig(dataset="digits", model=model))
    assert sum(parameter.numel() for parameter in problem.model().parameters()) == num_weights


def test_the_loss_is_the_mean_of_the_rows() -> None:
    for name in DATASETS:
        problem = _built(ProblemConfig(dataset=name))
        outputs, targets = problem.model()(problem.train.x[:8]), problem.train.y[:8]
        rows = [problem.loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(8)]
        torch.testing.assert_close(problem.loss(outputs, targets), torch.stack(rows).mean())


def test_the_quadratic_refuses_a_model() -> None:
    with pytest.raises(ValueError, match="brings its own"):
        _built(ProblemConfig(dataset="quadratic", model=LinearModel()))


def test_only_what_is_asked_for_is_computed() -> None:
    wine = ProblemConfig(dataset="wine")
    assert tuple(_built(wine).metrics) == ("val_accuracy",)
    assert tuple(_built(wine, metric="val_loss").metrics) == ("val_accuracy",)
    assert tuple(_built(wine, metric="val_auc").metrics) == ("val_accuracy", "val_auc")
    asked = wine.model_copy(update={"metrics": ("val_f1_macro", "train_loss")})
    assert tuple(_built(asked).metrics) == ("val_accuracy", "val_f1_macro")


def test_trials_with_other_models_share_the_data() -> None:
    one, other = (_built(ProblemConfig(dataset="wine", model=MlpModel(hidden=(width,)))) for width in (4, 8))
    assert one.train.x is other.train.x
    assert dataset("wine").num_train == len(one.train.x)


@pytest.mark.parametrize("name", ["digits", "breast_cancer", "wine", "diabetes"])
def test_the_preprocessing_leads_from_a_row_to_an_answer(name: str) -> None:
    problem = _built(ProblemConfig(dataset=name))
    inputs, target = problem.preprocessing["inputs"], problem.preprocessing["target"]
    mean, scale = np.array(inputs["mean"]), np.array(inputs["scale"])
    rows = problem.validation.x.numpy().astype(np.float64) * scale + mean
    np.testing.assert_allclose(encode(inputs, rows=rows.tolist()), problem.validation.x.numpy(), atol=1e-5)
    answer = decode(target, outputs=problem.model()(problem.validation.x).detach().numpy())
    assert len(answer["predictions"]) == len(problem.validation.x)
    assert len(answer.get("classes", [])) == problem.facts.num_classes


def test_a_prediction_of_numbers_is_on_the_scale_of_the_target() -> None:
    problem = _built(ProblemConfig(dataset="diabetes"))
    answer = decode(problem.preprocessing["target"], outputs=problem.train.y.numpy())["predictions"]
    assert min(answer) == pytest.approx(25)
    assert max(answer) == pytest.approx(346)


@pytest.mark.parametrize("model", [None, LinearModel(), CnnModel(channels=(4,))])
def test_an_uploaded_data_set_is_trained_on_like_any_other(tmp_path: Path, model: ModelConfig | None) -> None:
    digest = _upload(tmp_path)
    problem = _built(ProblemConfig(dataset="stripes", digest=digest, model=model), folder=tmp_path)
    assert problem.facts == IMAGES.model_copy(update={"digest": digest})
    assert problem.preprocessing == PREPROCESSING
    assert problem.train.x.shape == (6, 2, 4, 4)
    assert problem.loss(problem.model()(problem.validation.x), problem.validation.y).isfinite()


def test_an_uploaded_data_set_is_read_once(tmp_path: Path) -> None:
    config = ProblemConfig(dataset="stripes", digest=_upload(tmp_path))
    first = _built(config, folder=tmp_path)
    CheckpointStore(tmp_path).path(config.digest or "").unlink()
    assert _built(config, folder=tmp_path).train.x is first.train.x


def test_an_upload_with_the_name_of_a_built_in_data_set_is_the_upload(tmp_path: Path) -> None:
    config = ProblemConfig(dataset="digits", digest=_upload(tmp_path, seed=3))
    assert _built(config, folder=tmp_path).facts.name == "stripes"


def test_an_upload_that_is_not_there_or_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="upload it again"):
        _built(ProblemConfig(dataset="stripes", digest="0" * 64), folder=tmp_path)
    damaged = _upload(tmp_path, seed=1)
    CheckpointStore(tmp_path).path(damaged).write_bytes(b"torn")
    with pytest.raises(ProblemError, match="another hash"):
        _built(ProblemConfig(dataset="stripes", digest=damaged), folder=tmp_path)
    weights = _upload(tmp_path, seed=2, text='{"kind": "weights"}')
    with pytest.raises(ProblemError, match="holds no data set"):
        _built(ProblemConfig(dataset="stripes", digest=weights), folder=tmp_path)
