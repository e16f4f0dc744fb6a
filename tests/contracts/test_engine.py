"""The contract between a source and an engine; every engine passes all of it."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.contracts.engines import RunEngine, uninterrupted
from tests.trainer.assignments import BASELINE, RAVINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from trainer.catalog import ALWAYS, dataset
from trainer.checkpoint import CheckpointStore
from trainer.config import MetricConfig, MlpModel, ProblemConfig
from trainer.data.datasets import load
from trainer.engine import train
from trainer.errors import EngineError
from trainer.models.build import build_model
from trainer.randomness import epoch_order, initial_model
from trainer.report import Answer, Ending, EpochReport, Verdict
from trainer.weights import AboutWeights


def test_every_epoch_is_reported_and_the_last_one_says_so(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment(epochs=3)])
    run_engine(source)
    reports = source.reports()
    assert [(report.epoch, report.last) for report in reports] == [(1, False), (2, False), (3, True)]
    assert all(set(report.metrics) == {*ALWAYS, "val_accuracy"} for report in reports)
    assert 0 < reports[0].seconds < reports[1].seconds < reports[2].seconds
    assert source.starts == [1]
    assert source.endings() == []


def test_trials_follow_each_other_until_the_source_is_exhausted(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment(attempt=attempt, epochs=2) for attempt in (1, 2, 3)])
    run_engine(source)
    assert source.starts == [1, 2, 3]
    assert [len(source.reports(attempt)) for attempt in (1, 2, 3)] == [2, 2, 2]


@pytest.mark.parametrize("lag_polls", [1, 3, 9])
def test_a_stop_ends_the_row_when_it_arrives_and_is_not_answered(run_engine: RunEngine, lag_polls: int) -> None:
    source = ScriptedSource(
        [assignment(epochs=50), assignment(attempt=2, epochs=1)],
        judge=verdict_at(2, Verdict.STOP),
        lag_polls=lag_polls,
    )
    run_engine(source)
    stop = source.said.index(Answer(attempt=1, epoch=2, verdict=Verdict.STOP))
    assert {said.attempt for said in source.said[stop:] if isinstance(said, EpochReport)} == {2}
    assert source.endings() == []
    assert len(source.reports(attempt=2)) == 1


def test_a_row_does_not_wait_for_its_verdict(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment(epochs=50)], judge=verdict_at(2, Verdict.STOP), lag_polls=9)
    run_engine(source)
    assert [report.epoch for report in source.reports()] == [1, 2, 3, 4]


def test_a_stop_without_a_report_ends_the_row_in_mid_epoch(run_engine: RunEngine) -> None:
    stop = Answer(attempt=1, epoch=None, verdict=Verdict.STOP)
    source = ScriptedSource([assignment(epochs=50), assignment(attempt=2, epochs=1)], unasked={8: stop})
    run_engine(source)
    assert [report.epoch for report in source.reports()] == [1]
    assert len(source.reports(attempt=2)) == 1


def test_an_answer_about_a_trial_that_is_not_here_changes_nothing(run_engine: RunEngine) -> None:
    stray = Answer(attempt=99, epoch=None, verdict=Verdict.STOP)
    source = ScriptedSource([assignment(epochs=2)], unasked={3: stray})
    run_engine(source)
    assert source.reports()[-1].last


def test_an_exploding_loss_ends_the_trial_at_once(run_engine: RunEngine) -> None:
    wild = assignment({"learning_rate": 1.0, "batch_size": 1}, problem=RAVINE)
    source = ScriptedSource([wild, assignment(attempt=2, epochs=1)])
    run_engine(source)
    [ending] = source.endings()
    assert ending.attempt == 1
    assert ending.state == "DIVERGED"
    assert "exploded" in ending.reason
    assert source.reports() == []
    assert len(source.reports(attempt=2)) == 1


def test_a_validation_that_is_not_finite_is_reported_as_none_before_the_divergence(run_engine: RunEngine) -> None:
    deep = ProblemConfig(dataset="wine", model=MlpModel(hidden=(32, 32, 32)))
    wild = assignment({"learning_rate": 1e6, "weight_decay": 1e6, "batch_size": "full"}, problem=deep, epochs=1)
    source = ScriptedSource([wild])
    run_engine(source)
    report, ending = (said for said in source.said if not isinstance(said, Answer))
    assert isinstance(report, EpochReport)
    assert report.metrics["val_loss"] is None
    assert report.metrics["val_accuracy"] is None  # argmax finds a class in NaN too
    assert not report.last
    assert isinstance(ending, Ending)
    assert ending.state == "DIVERGED"
    assert "val_loss" in ending.reason


def test_the_weights_of_what_diverged_in_its_last_evaluation_are_nobodys(run_engine: RunEngine) -> None:
    deep = ProblemConfig(dataset="wine", model=MlpModel(hidden=(32, 32, 32)))
    wild = assignment({"learning_rate": 1e6, "weight_decay": 1e6, "batch_size": "full"}, problem=deep, epochs=1)
    source = ScriptedSource(
        [wild, assignment(attempt=2, epochs=1)],
        judge=lambda report: keep_weights(report.model_copy(update={"last": True})),
    )
    run_engine(source)
    assert [ending.state for ending in source.endings()] == ["DIVERGED"]
    assert [note.attempt for note in source.kept()] == [2]


def test_a_trial_that_raises_is_failed_and_the_next_one_goes_on(run_engine: RunEngine) -> None:
    unknown = assignment().model_copy(update={"problem": ProblemConfig(dataset="no such data")})
    metric = MetricConfig(name="no_such_metric", goal="maximize")
    unmeasured = assignment(attempt=2).model_copy(update={"metric": metric})
    source = ScriptedSource([unknown, unmeasured, assignment(attempt=3, epochs=1)])
    run_engine(source)
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(1, "FAILED"), (2, "FAILED")]
    assert "no such data" in source.endings()[0].reason
    assert "Traceback" in (source.endings()[0].traceback or "")
    assert "no_such_metric" in source.endings()[1].reason
    assert len(source.reports(attempt=3)) == 1


@pytest.mark.parametrize("lag_polls", [1, 40])
def test_the_best_weights_are_kept_when_the_answer_asks_for_them(
    run_engine: RunEngine, checkpoints: CheckpointStore, lag_polls: int
) -> None:
    source = ScriptedSource([assignment(), assignment(attempt=2, epochs=2)], judge=keep_weights, lag_polls=lag_polls)
    run_engine(source)
    note = next(note for note in source.kept() if note.attempt == 1)
    stored = checkpoints.load(note.weights)
    about = AboutWeights.model_validate_json(stored.text)
    values = [report.metrics["val_accuracy"] or 0 for report in source.reports()]
    assert (about.value, about.epoch) == (max(values), values.index(max(values)) + 1)
    model = build_model(MlpModel(hidden=(8,)), facts=dataset("wine"))
    model.load_state_dict(dict(stored.tensors))
    x, y = load("wine").validation
    assert (model(x).argmax(dim=1) == y).float().mean().item() == about.value


def test_the_best_weights_are_the_lowest_where_less_is_better(
    run_engine: RunEngine, checkpoints: CheckpointStore
) -> None:
    # A rate just above 2/L: f falls at first, in the flat directions, and then grows along the steepest one.
    rising = assignment({"learning_rate": 0.0203, "batch_size": "full"}, problem=RAVINE, epochs=60)
    source = uninterrupted(run_engine, rising)
    about = AboutWeights.model_validate_json(checkpoints.load(source.kept()[0].weights).text)
    values = [report.metrics["val_loss"] or 0 for report in source.reports()]
    assert 1 < about.epoch < 60
    assert (about.value, about.epoch) == (min(values), values.index(min(values)) + 1)


def test_weights_that_nobody_asks_for_are_not_stored(run_engine: RunEngine, checkpoints: CheckpointStore) -> None:
    source = ScriptedSource([assignment()])
    run_engine(source)
    assert source.kept() == []
    assert not checkpoints.folder.exists()


def test_the_seed_alone_decides(run_engine: RunEngine) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = uninterrupted(run_engine, assignment())
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again = uninterrupted(run_engine, assignment())
    other = uninterrupted(run_engine, assignment(seed=8))
    assert numbers(first.reports()) == numbers(again.reports())
    assert first.kept() == again.kept()
    assert numbers(first.reports()) != numbers(other.reports())


@pytest.mark.parametrize("batch_size", [1, 32, 50, 107, 1000, "full"])
def test_a_training_is_what_a_plain_pytorch_loop_does(run_engine: RunEngine, batch_size: int | str) -> None:
    source = ScriptedSource([assignment({**BASELINE, "batch_size": batch_size}, epochs=2)])
    run_engine(source)
    losses = [
        (report.metrics["train_loss"], report.metrics["val_loss"], report.metrics["grad_norm"])
        for report in source.reports()
    ]
    num_rows = 107 if batch_size == "full" else int(batch_size)
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(_plain_loop(num_rows)), rtol=2e-4, atol=2e-5)


def _plain_loop(batch_size: int) -> list[tuple[float, float, float]]:
    parts = load("wine")
    model = initial_model(lambda: build_model(MlpModel(hidden=(8,)), facts=dataset("wine")), seed=7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    epochs = []
    for epoch in (1, 2):
        loss_sum = 0.0
        for rows in torch.split(epoch_order(7, epoch=epoch, num_examples=107), batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(model(parts.train.x[rows]), parts.train.y[rows])
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            optimizer.step()
            loss_sum += loss.item() * len(rows)
        norm = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None]).norm().item()
        held_out = cross_entropy(model(parts.validation.x), parts.validation.y).item()
        epochs.append((loss_sum / 107, held_out, norm))
    return epochs


def test_the_reported_rate_is_that_of_the_last_update(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment({"learning_rate": 0.1, "lr_decay": 0.5, "momentum": 0.3}, epochs=2)])
    run_engine(source)
    rates = [report.metrics["learning_rate"] for report in source.reports()]
    assert rates == [0.1 / (1 + 0.5 * 3), 0.1 / (1 + 0.5 * 7)]
    assert source.reports()[0].metrics["momentum"] == 0.3


def test_the_engine_beats_every_hundred_steps(run_engine: RunEngine) -> None:
    source = ScriptedSource([assignment({"learning_rate": 0.01, "batch_size": 1}, epochs=2)])
    run_engine(source)
    assert source.beats == [100, 100]


@pytest.mark.parametrize(("slots", "device"), [(0, "cpu"), (-1, "cpu"), (1, "abacus"), (1, "cuda:77")])
def test_what_the_engine_cannot_do_is_refused(checkpoints: CheckpointStore, slots: int, device: str) -> None:
    with pytest.raises(EngineError):
        train(ScriptedSource([]), slots=slots, device=device, checkpoints=checkpoints)
