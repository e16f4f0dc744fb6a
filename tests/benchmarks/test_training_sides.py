"""The sides that train: bare loops, and our engines under the same orders."""

from itertools import islice

import pytest
import torch

from benchmarks import useful_steps
from benchmarks.eager_training import network, parts, train
from benchmarks.training_process import Engine, Order, steps_per_epoch, trained
from benchmarks.workload import WORKS, SgdSettings
from trainer.catalog import DATASETS
from trainer.config import ProblemConfig
from trainer.models.build import build_model

SETTINGS = SgdSettings(learning_rate=0.05, momentum=0.9, weight_decay=1e-5, batch_size=64)


def test_a_bare_loop_learns() -> None:
    metrics = list(islice(train(SETTINGS, work=WORKS["short"], seed=0), 5))
    assert metrics[-1]["val_accuracy"] > 0.9
    assert metrics[-1]["train_loss"] < metrics[0]["train_loss"]


def test_a_bare_loop_that_is_left_in_the_middle_leaves_gradients_on() -> None:
    abandoned = train(SETTINGS, work=WORKS["short"], seed=0)
    next(abandoned)
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("name", ["short", "128-128", "10-16-1", "64-10", "1024-1024"])
def test_bare_loops_train_the_networks_that_ravine_trains(name: str) -> None:
    work = WORKS[name]
    model = ProblemConfig.model_validate({"dataset": work.data, "model": work.model}).model
    assert model is not None
    ours = build_model(model, facts=DATASETS[work.data])
    assert [one.shape for one in network(work).parameters()] == [one.shape for one in ours.parameters()]


def test_the_pictures_fit_the_convolutional_network() -> None:
    assert network(WORKS["cnn"])(parts("images")[1].x[:3]).shape == (3, 10)


@pytest.mark.parametrize("engine", ["eager", "serial", "fused"])
def test_an_order_is_trained_in_whole_epochs(engine: Engine) -> None:
    done = trained(Order(engine, "64-10", 16, seconds=0.05, width=4))
    assert done.num_steps >= steps_per_epoch(WORKS["64-10"], batch_size=16)
    assert done.num_steps % steps_per_epoch(WORKS["64-10"], batch_size=16) == 0
    assert 0 < done.seconds < 5


def test_row_steps_of_an_engine_are_counted() -> None:
    measured = useful_steps.measure(useful_steps.Form(num_trials=20, num_repeats=1), seed=0, say=lambda _line: None)
    plain, convolutional = (one["shares"] for one in measured)
    assert 0 < plain["kept"] <= plain["changing"] <= 1
    assert plain["changing_of_computed"] > 0.9  # all rows that are computed are in training
    assert convolutional["changing"] < 1  # always computed at full width
