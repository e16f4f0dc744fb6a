"""The contract of engines with models of users' own: statistics, frozen and tied parameters, branches on data."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.contracts.engines import RunEngine, uninterrupted
from tests.trainer.assignments import numbers
from tests.trainer.own_models import STACKABLE, TRAINABLE, discover_models, of_kind, training
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from tests.trainer.trained_weights import done
from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef
from trainer.problem import Problem, build_problem
from trainer.randomness import epoch_order, initial_model
from trainer.report import EpochReport, Verdict
from trainer.task import Export, Exported, Predict, Prediction
from trainer.tasks.exported import AboutExport
from trainer.weights import AboutWeights

BY_EACH_ENGINE = [
    *(("serial", kind) for kind in TRAINABLE),
    *(("fused", kind) for kind in STACKABLE),
]
PLAIN = [(engine, kind) for engine, kind in BY_EACH_ENGINE if kind != "cumulative"]
"""Those without dropout, which a plain loop draws otherwise."""


@pytest.fixture(autouse=True)
def _models(tmp_path: Path) -> None:
    discover_models(tmp_path)


@pytest.mark.parametrize("drain_at", [3, 6, 14])
@pytest.mark.parametrize(("run_engine", "kind"), BY_EACH_ENGINE, indirect=["run_engine"])
def test_a_training_drained_at_any_step_goes_on_bit_equal(run_engine: RunEngine, kind: str, drain_at: int) -> None:
    whole = uninterrupted(run_engine, training(kind))
    first = ScriptedSource([training(kind)], drain_at=drain_at)
    run_engine(first)
    rest = uninterrupted(run_engine, training(kind, checkpoint=first.notes()[0].checkpoint))
    assert numbers(first.reports() + rest.reports()) == numbers(whole.reports())
    assert rest.kept() == whole.kept()  # references by content


@pytest.mark.parametrize(("run_engine", "kind"), BY_EACH_ENGINE, indirect=["run_engine"])
def test_a_training_drained_after_every_step_ends_bit_equal(run_engine: RunEngine, kind: str) -> None:
    whole = uninterrupted(run_engine, training(kind))
    reports: list[EpochReport] = []
    checkpoint: CheckpointRef | None = None
    for _ in range(20):  # updates in all, and each source makes one or more
        source = ScriptedSource([training(kind, checkpoint=checkpoint)], judge=keep_weights, drain_at=3)
        run_engine(source)
        reports += source.reports()
        checkpoint = source.notes()[-1].checkpoint if source.notes() else None
        if checkpoint is None:
            break
    assert numbers(reports) == numbers(whole.reports())


@pytest.mark.parametrize("lag_polls", [1, 2, 9])
@pytest.mark.parametrize(("run_engine", "kind"), BY_EACH_ENGINE, indirect=["run_engine"])
def test_a_trial_paused_at_a_rung_goes_on_bit_equal(run_engine: RunEngine, kind: str, lag_polls: int) -> None:
    whole = uninterrupted(run_engine, training(kind, rungs=(2,)))
    first = ScriptedSource([training(kind, rungs=(2,))], judge=verdict_at(2, Verdict.PAUSE), lag_polls=lag_polls)
    run_engine(first)
    [ending] = first.endings()
    assert ending.checkpoint is not None
    assert ending.checkpoint.epoch == 2
    rest = uninterrupted(run_engine, training(kind, rungs=(2,), checkpoint=ending.checkpoint))
    assert numbers(rest.reports()) == numbers(whole.reports())[2:]
    assert rest.kept() == whole.kept()


@pytest.mark.parametrize(("run_engine", "kind"), PLAIN, indirect=["run_engine"])
def test_the_kept_weights_are_those_of_a_plain_loop_at_the_best_epoch(
    run_engine: RunEngine, checkpoints: CheckpointStore, kind: str
) -> None:
    source = uninterrupted(run_engine, training(kind))
    stored = checkpoints.load(source.kept()[0].weights)
    epoch = AboutWeights.model_validate_json(stored.text).epoch
    assert epoch < 4
    built = build_problem(of_kind(kind), device=torch.device("cpu"), files=checkpoints)
    model = plainly_trained(built, epochs=epoch)
    expected = model.state_dict()
    assert stored.tensors.keys() == expected.keys() - {"1.weight" if kind == "tied" else ""}
    torch.testing.assert_close(dict(stored.tensors), {name: expected[name] for name in stored.tensors})
    if kind == "frozen":
        assert (stored.tensors["0.bias"] == 0.25).all()


@pytest.mark.parametrize(("run_engine", "kind"), BY_EACH_ENGINE, indirect=["run_engine"])
def test_predictions_are_those_of_the_eager_model_at_the_best_epoch(
    run_engine: RunEngine, checkpoints: CheckpointStore, kind: str
) -> None:
    weights = uninterrupted(run_engine, training(kind)).kept()[0].weights
    stored = checkpoints.load(weights)
    about = AboutWeights.model_validate_json(stored.text)
    built = build_problem(of_kind(kind), device=torch.device("cpu"), files=checkpoints)
    outputs = eager_outputs(built, tensors=stored.tensors)
    assert built.loss(outputs, built.validation.y).item() == pytest.approx(about.value, rel=1e-6)
    rows = built.validation.x.tolist()
    said = done(Predict(problem=of_kind(kind), weights=weights, rows=rows), files=checkpoints).value
    assert isinstance(said, Prediction)
    torch.testing.assert_close(torch.tensor(said.probabilities), outputs.softmax(dim=1), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["normed", "frozen", "tied"])
def test_a_winner_with_statistics_can_be_exported(
    run_engine: RunEngine, checkpoints: CheckpointStore, kind: str
) -> None:
    weights = uninterrupted(run_engine, training(kind)).kept()[0].weights
    result = done(Export(problem=of_kind(kind), weights=weights), files=checkpoints)
    assert isinstance(result.value, Exported), result.error
    about = AboutExport.model_validate_json(checkpoints.load(result.value.file).text)
    example = Predict(problem=of_kind(kind), weights=weights, rows=about.input_example)
    said = done(example, files=checkpoints).value
    assert isinstance(said, Prediction)
    assert said.probabilities == about.output_example["probabilities"]


def test_a_checkpoint_beside_other_frozen_parameters_does_not_fit(run_engine: RunEngine, tmp_path: Path) -> None:
    first = ScriptedSource([training("frozen")], drain_at=8)
    run_engine(first)
    checkpoint = first.notes()[0].checkpoint
    discover_models(tmp_path, old="0.25", new="0.5")
    anew = uninterrupted(run_engine, training("frozen", checkpoint=checkpoint))
    assert numbers(anew.reports()) == numbers(uninterrupted(run_engine, training("frozen")).reports())
    assert anew.endings() == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("nothing to train", "models: model made Sequential without a parameter to train; leave requires_grad true"),
        ("shared memory", r"models: .* 0\.weight and 1\.weight share their memory .* second\.weight = first\.weight"),
        ("no module", r"models: model made int; return a torch\.nn\.Module"),
    ],
)
def test_a_model_that_cannot_be_trained_fails_its_trial_and_says_why(
    run_engine: RunEngine, kind: str, reason: str
) -> None:
    source = ScriptedSource([training(kind), training("normed").model_copy(update={"attempt": 2})])
    run_engine(source)
    [ending] = source.endings()
    assert (ending.attempt, ending.state) == (1, "FAILED")
    assert re.match(f"ProblemError: {reason}", ending.reason)
    assert source.reports(attempt=2)[-1].last


def plainly_trained(problem: Problem, *, epochs: int) -> torch.nn.Module:
    """What anybody would write, with the same first weights and batches."""
    of = training("normed")
    model = initial_model(problem.model, seed=of.seed).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.03, momentum=0.9, weight_decay=0.01)
    x, y = problem.train
    for epoch in range(1, epochs + 1):
        for batch in torch.split(epoch_order(of.seed, epoch=epoch, num_examples=len(x)), 16):
            optimizer.zero_grad()
            problem.loss(model(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
    return model


def eager_outputs(problem: Problem, *, tensors: Mapping[str, Tensor]) -> Tensor:
    """For the validation part, of a new model that torch itself fills."""
    model = problem.model().eval()
    model.load_state_dict(dict(tensors), strict=False)
    with torch.no_grad():
        outputs: Tensor = model(problem.validation.x)
    return outputs
