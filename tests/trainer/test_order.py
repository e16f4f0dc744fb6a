"""What a meaningful order of the data does: the bias that shuffling is for."""

from dataclasses import replace
from pathlib import Path

import torch

from tests.trainer.assignments import assignment
from trainer.checkpoint import CheckpointStore
from trainer.config import ProblemConfig
from trainer.data.datasets import Part
from trainer.problem import Problem, build_problem
from trainer.row import Row
from trainer.settings import Setting

DIGITS = ProblemConfig(dataset="digits")
CPU = torch.device("cpu")


def _sorted_digits(folder: Path) -> Problem:
    """The digits with their training part sorted by class."""
    problem = build_problem(DIGITS, device=CPU, files=CheckpointStore(folder))
    order = torch.argsort(problem.train.y, stable=True)
    return replace(problem, train=Part(problem.train.x[order], problem.train.y[order]))


def _accuracies(problem: Problem, *, shuffle: bool, seed: int, epochs: int) -> list[float]:
    settings: dict[str, Setting] = {"learning_rate": 0.05, "batch_size": 1, "shuffle": shuffle}
    row = Row(assignment(settings, problem=DIGITS, epochs=epochs, seed=seed), problem=problem, device=CPU)
    accuracies = []
    while not row.completed:
        metrics = row.advance().metrics
        if metrics is not None:
            accuracies.append(metrics["val_accuracy"] or 0.0)
    return accuracies


def test_sorted_data_in_their_order_end_clearly_worse_than_shuffled(tmp_path: Path) -> None:
    problem = _sorted_digits(tmp_path)
    for seed in (1, 2):
        in_order, shuffled = (
            _accuracies(problem, shuffle=shuffle, seed=seed, epochs=4)[-1] for shuffle in (False, True)
        )
        assert shuffled > 0.9
        assert in_order < shuffled - 0.2


def test_without_shuffling_every_epoch_is_alike_and_with_it_no_two(tmp_path: Path) -> None:
    """The weights stand still, so that the gradients tell the batches apart."""
    problem = build_problem(DIGITS, device=CPU, files=CheckpointStore(tmp_path))
    for shuffle, alike in ((False, True), (True, False)):
        settings: dict[str, Setting] = {"learning_rate": 1e-30, "batch_size": 500, "shuffle": shuffle}
        row = Row(assignment(settings, problem=DIGITS, epochs=2), problem=problem, device=CPU)
        norms = [row.advance() and row.model.gradient.norm().item() for _ in range(6)]
        assert (norms[:3] == norms[3:]) == alike
