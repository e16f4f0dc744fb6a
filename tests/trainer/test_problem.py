import pytest
import torch

from trainer.catalog import DATASETS, dataset
from trainer.config import LinearModel, MlpModel, ModelConfig, ProblemConfig
from trainer.problem import accuracy, build_problem, r2

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", DATASETS)
def test_every_part_goes_through_model_loss_and_metrics(name: str) -> None:
    problem = build_problem(ProblemConfig(dataset=name), device=CPU)
    model = problem.model()
    for part in (problem.train, problem.validation, problem.test):
        outputs = model(part.x)
        assert problem.loss(outputs, part.y).isfinite()
        assert all(metric(outputs, part.y).isfinite() for metric in problem.metrics.values())


@pytest.mark.parametrize(
    ("model", "num_weights"),
    [(None, 64 * 65 + 10 * 65), (LinearModel(), 65 * 10), (MlpModel(hidden=(3, 4)), 65 * 3 + 4 * 4 + 5 * 10)],
)
def test_the_model_is_the_configured_one(model: ModelConfig | None, num_weights: int) -> None:
    problem = build_problem(ProblemConfig(dataset="digits", model=model), device=CPU)
    assert sum(parameter.numel() for parameter in problem.model().parameters()) == num_weights


def test_the_loss_is_the_mean_of_the_rows() -> None:
    for name in DATASETS:
        problem = build_problem(ProblemConfig(dataset=name), device=CPU)
        outputs, targets = problem.model()(problem.train.x[:8]), problem.train.y[:8]
        rows = [problem.loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(8)]
        torch.testing.assert_close(problem.loss(outputs, targets), torch.stack(rows).mean())


def test_the_quadratic_refuses_a_model() -> None:
    with pytest.raises(ValueError, match="brings its own"):
        build_problem(ProblemConfig(dataset="quadratic", model=LinearModel()), device=CPU)


def test_accuracy_is_the_share_of_right_answers() -> None:
    outputs = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    assert accuracy(outputs, torch.tensor([0, 1, 1])).item() == pytest.approx(2 / 3)


def test_r2_is_one_for_the_truth_and_nought_for_the_mean() -> None:
    y = torch.tensor([[1.0], [2.0], [6.0]])
    assert r2(y, y).item() == 1
    assert r2(torch.full_like(y, 3.0), y).item() == 0


def test_a_problem_is_built_once() -> None:
    config = ProblemConfig(dataset="wine")
    assert build_problem(config, device=CPU) is build_problem(config.model_copy(), device=CPU)
    assert dataset("wine").num_train == len(build_problem(config, device=CPU).train.x)
