"""The contract between a source and an engine; every engine passes all of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.trainer.assignments import BASELINE, WINE, assignment, numbers
from tests.trainer.scripted_source import ScriptedSource, keep_weights, verdict_at
from trainer.catalog import metrics
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CheckpointRef, MlpModel, ProblemConfig, Setting
from trainer.datasets import load
from trainer.engine import train
from trainer.errors import EngineError
from trainer.models import build_model
from trainer.randomness import epoch_order, initial_model
from trainer.report import Answer, Ending, EpochReport, Verdict
from trainer.weights import AboutWeights

RAVINE = ProblemConfig(dataset="quadratic")

Train = Callable[[ScriptedSource], None]


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.fixture(params=["serial"])
def run(request: pytest.FixtureRequest, store: CheckpointStore) -> Train:
    assert request.param == "serial"
    return lambda source: train(source, slots=1, device="cpu", checkpoints=store)


def uninterrupted(run: Train, assigned: Assignment) -> ScriptedSource:
    source = ScriptedSource([assigned], judge=keep_weights)
    run(source)
    return source


def test_every_epoch_is_reported_and_the_last_one_says_so(run: Train) -> None:
    source = ScriptedSource([assignment(epochs=3)])
    run(source)
    reports = source.reports()
    assert [(report.epoch, report.last) for report in reports] == [(1, False), (2, False), (3, True)]
    assert all(set(report.metrics) == set(metrics(WINE)) for report in reports)
    assert 0 < reports[0].seconds < reports[1].seconds < reports[2].seconds
    assert source.starts == [1]
    assert source.endings() == []


def test_trials_follow_each_other_until_the_source_is_exhausted(run: Train) -> None:
    source = ScriptedSource([assignment(attempt=attempt, epochs=2) for attempt in (1, 2, 3)])
    run(source)
    assert source.starts == [1, 2, 3]
    assert [len(source.reports(attempt)) for attempt in (1, 2, 3)] == [2, 2, 2]


@pytest.mark.parametrize("lag_polls", [1, 3, 9])
def test_a_stop_ends_the_row_when_it_arrives_and_is_not_answered(run: Train, lag_polls: int) -> None:
    source = ScriptedSource(
        [assignment(epochs=50), assignment(attempt=2, epochs=1)],
        judge=verdict_at(2, Verdict.STOP),
        lag_polls=lag_polls,
    )
    run(source)
    stop = source.said.index(Answer(attempt=1, epoch=2, verdict=Verdict.STOP))
    assert {said.attempt for said in source.said[stop:] if isinstance(said, EpochReport)} == {2}
    assert source.endings() == []
    assert len(source.reports(attempt=2)) == 1


def test_a_row_does_not_wait_for_its_verdict(run: Train) -> None:
    source = ScriptedSource([assignment(epochs=50)], judge=verdict_at(2, Verdict.STOP), lag_polls=9)
    run(source)
    assert [report.epoch for report in source.reports()] == [1, 2, 3, 4]


def test_a_stop_without_a_report_ends_the_row_in_mid_epoch(run: Train) -> None:
    stop = Answer(attempt=1, epoch=None, verdict=Verdict.STOP)
    source = ScriptedSource([assignment(epochs=50), assignment(attempt=2, epochs=1)], unasked={8: stop})
    run(source)
    assert [report.epoch for report in source.reports()] == [1]
    assert len(source.reports(attempt=2)) == 1


def test_an_answer_about_a_trial_that_is_not_here_changes_nothing(run: Train) -> None:
    stray = Answer(attempt=99, epoch=None, verdict=Verdict.STOP)
    source = ScriptedSource([assignment(epochs=2)], unasked={3: stray})
    run(source)
    assert source.reports()[-1].last


@pytest.mark.parametrize("lag_polls", [1, 2, 7, 11])
@pytest.mark.parametrize("rungs", [(2,), (1, 2, 4), ()])
def test_a_paused_trial_goes_on_as_if_nothing_had_happened(
    run: Train, rungs: tuple[int, ...], lag_polls: int
) -> None:
    whole = uninterrupted(run, assignment(rungs=rungs))
    first = ScriptedSource([assignment(rungs=rungs)], judge=verdict_at(2, Verdict.PAUSE), lag_polls=lag_polls)
    run(first)
    [ending] = first.endings()
    assert ending.state == "PAUSED"
    assert ending.checkpoint is not None
    assert ending.checkpoint.epoch == (2 if rungs else 0)
    second = ScriptedSource([assignment(rungs=rungs, checkpoint=ending.checkpoint)], judge=keep_weights)
    run(second)
    assert numbers(second.reports()) == numbers(whole.reports())[ending.checkpoint.epoch :]
    assert second.kept() == whole.kept()


def test_a_pause_may_arrive_after_the_last_report(run: Train) -> None:
    source = ScriptedSource([assignment(rungs=(2, 4))], judge=verdict_at(2, Verdict.PAUSE), lag_polls=30)
    run(source)
    assert source.reports()[-1].last
    [ending] = source.endings()
    assert ending.checkpoint is not None
    assert ending.checkpoint.epoch == 2
    assert source.kept() == []


def test_a_pause_may_arrive_after_the_divergence(run: Train) -> None:
    wild = assignment({"learning_rate": 0.021, "batch_size": 64}, problem=RAVINE, epochs=500, rungs=(2,))
    source = ScriptedSource([wild], judge=verdict_at(2, Verdict.PAUSE), lag_polls=5000)
    run(source)
    assert [ending.state for ending in source.endings()] == ["DIVERGED", "PAUSED"]


def test_a_paused_slot_is_free_for_the_next_trial(run: Train) -> None:
    source = ScriptedSource(
        [assignment(rungs=(2,)), assignment(attempt=2, epochs=1)], judge=verdict_at(2, Verdict.PAUSE)
    )
    run(source)
    assert source.starts == [1, 2]


@pytest.mark.parametrize("drain_at", [*range(2, 18)])
def test_a_training_drained_at_any_step_goes_on_bit_equal(run: Train, drain_at: int) -> None:
    whole = uninterrupted(run, assignment())
    first = ScriptedSource([assignment()], drain_at=drain_at)
    run(first)
    [note] = first.notes()
    assert first.said[-1] == note
    assert note.checkpoint.epoch == len(first.reports())
    second = ScriptedSource([assignment(checkpoint=note.checkpoint)], judge=keep_weights)
    run(second)
    assert numbers(first.reports() + second.reports()) == numbers(whole.reports())
    assert second.kept() == whole.kept()


def test_a_training_drained_after_every_step_ends_bit_equal(run: Train) -> None:
    settings: dict[str, Setting] = {**BASELINE, "dampening": 0.3, "weight_decay": 1e-3, "lr_decay": 0.01}
    whole = uninterrupted(run, assignment(settings))
    reports: list[EpochReport] = []
    checkpoint: CheckpointRef | None = None
    while not (reports and reports[-1].last):
        source = ScriptedSource([assignment(settings, checkpoint=checkpoint)], judge=keep_weights, drain_at=3)
        run(source)
        reports += source.reports()
        checkpoint = source.notes()[-1].checkpoint if source.notes() else None
    assert numbers(reports) == numbers(whole.reports())


def test_an_idle_engine_drains_without_a_word(run: Train) -> None:
    source = ScriptedSource([assignment()], drain_at=1)
    run(source)
    assert source.said == []


def test_an_exploding_loss_ends_the_trial_at_once(run: Train) -> None:
    wild = assignment({"learning_rate": 1.0, "batch_size": 1}, problem=RAVINE)
    source = ScriptedSource([wild, assignment(attempt=2, epochs=1)])
    run(source)
    [ending] = source.endings()
    assert ending.attempt == 1
    assert ending.state == "DIVERGED"
    assert "exploded" in ending.reason
    assert source.reports() == []
    assert len(source.reports(attempt=2)) == 1


def test_a_validation_that_is_not_finite_is_reported_as_none_before_the_divergence(run: Train) -> None:
    deep = ProblemConfig(dataset="wine", model=MlpModel(hidden=(32, 32, 32)))
    wild = assignment({"learning_rate": 1e6, "weight_decay": 1e6, "batch_size": "full"}, problem=deep, epochs=1)
    source = ScriptedSource([wild])
    run(source)
    report, ending = (said for said in source.said if not isinstance(said, Answer))
    assert isinstance(report, EpochReport)
    assert report.metrics["val_loss"] is None
    assert not report.last
    assert isinstance(ending, Ending)
    assert ending.state == "DIVERGED"
    assert "val_loss" in ending.reason


def test_a_trial_that_raises_is_failed_and_the_next_one_goes_on(run: Train) -> None:
    unknown = assignment().model_copy(update={"problem": ProblemConfig(dataset="no such data")})
    missing = assignment(attempt=2, checkpoint=CheckpointRef(sha256="0" * 64, epoch=1, num_bytes=1))
    source = ScriptedSource([unknown, missing, assignment(attempt=3, epochs=1)])
    run(source)
    assert [(ending.attempt, ending.state) for ending in source.endings()] == [(1, "FAILED"), (2, "FAILED")]
    assert "no such data" in source.endings()[0].reason
    assert "Traceback" in (source.endings()[0].traceback or "")
    assert "CheckpointError" in source.endings()[1].reason
    assert len(source.reports(attempt=3)) == 1


def test_a_checkpoint_of_another_training_is_refused(run: Train) -> None:
    first = ScriptedSource([assignment(seed=1)], drain_at=4)
    run(first)
    second = ScriptedSource([assignment(seed=2, checkpoint=first.notes()[0].checkpoint)])
    run(second)
    assert [ending.state for ending in second.endings()] == ["FAILED"]
    assert "another seed" in second.endings()[0].reason


@pytest.mark.parametrize("lag_polls", [1, 40])
def test_the_best_weights_are_kept_when_the_answer_asks_for_them(
    run: Train, store: CheckpointStore, lag_polls: int
) -> None:
    source = ScriptedSource(
        [assignment(), assignment(attempt=2, epochs=2)], judge=keep_weights, lag_polls=lag_polls
    )
    run(source)
    note = next(note for note in source.kept() if note.attempt == 1)
    stored = store.load(note.weights)
    about = AboutWeights.model_validate_json(stored.text)
    values = [report.metrics["val_accuracy"] or 0 for report in source.reports()]
    assert (about.value, about.epoch) == (max(values), values.index(max(values)) + 1)
    model = build_model(MlpModel(hidden=(8,)), num_inputs=13, num_outputs=3)
    model.load_state_dict(dict(stored.tensors))
    x, y = load("wine").validation
    assert (model(x).argmax(dim=1) == y).float().mean().item() == about.value


def test_weights_that_nobody_asks_for_are_not_stored(run: Train, store: CheckpointStore) -> None:
    source = ScriptedSource([assignment()])
    run(source)
    assert source.kept() == []
    assert not store.folder.exists()


def test_the_seed_alone_decides(run: Train) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = uninterrupted(run, assignment())
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again = uninterrupted(run, assignment())
    other = uninterrupted(run, assignment(seed=8))
    assert numbers(first.reports()) == numbers(again.reports())
    assert first.kept() == again.kept()
    assert numbers(first.reports()) != numbers(other.reports())


@pytest.mark.parametrize("batch_size", [1, 32, 50, 107, 1000, "full"])
def test_a_training_is_what_a_plain_pytorch_loop_does(run: Train, batch_size: int | str) -> None:
    source = ScriptedSource([assignment({**BASELINE, "batch_size": batch_size}, epochs=2)])
    run(source)
    losses = [
        (report.metrics["train_loss"], report.metrics["val_loss"], report.metrics["grad_norm"])
        for report in source.reports()
    ]
    num_rows = 107 if batch_size == "full" else int(batch_size)
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(_plain_loop(num_rows)), rtol=2e-4, atol=2e-5)


def _plain_loop(batch_size: int) -> list[tuple[float, float, float]]:
    parts = load("wine")
    model = initial_model(lambda: build_model(MlpModel(hidden=(8,)), num_inputs=13, num_outputs=3), seed=7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    epochs = []
    for epoch in (1, 2):
        loss_sum = 0.0
        for rows in torch.split(epoch_order(7, epoch=epoch, num_examples=107), batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(model(parts.train.x[rows]), parts.train.y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.item() * len(rows)
        norm = torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None]).norm().item()
        held_out = cross_entropy(model(parts.validation.x), parts.validation.y).item()
        epochs.append((loss_sum / 107, held_out, norm))
    return epochs


def test_the_reported_rate_is_that_of_the_last_update(run: Train) -> None:
    source = ScriptedSource([assignment({"learning_rate": 0.1, "lr_decay": 0.5, "momentum": 0.3}, epochs=2)])
    run(source)
    rates = [report.metrics["learning_rate"] for report in source.reports()]
    assert rates == [0.1 / (1 + 0.5 * 3), 0.1 / (1 + 0.5 * 7)]
    assert source.reports()[0].metrics["momentum"] == 0.3


def test_the_engine_beats_every_hundred_steps(run: Train) -> None:
    source = ScriptedSource([assignment({"learning_rate": 0.01, "batch_size": 1}, epochs=2)])
    run(source)
    assert source.beats == [100, 100]


def test_checkpoints_come_with_the_training_time(store: CheckpointStore) -> None:
    source = ScriptedSource([assignment(epochs=2)])
    train(source, slots=1, device="cpu", checkpoints=store, checkpoint_seconds=0)
    assert [note.checkpoint.epoch for note in source.notes()] == [0, 0, 0, 1, 1, 1, 1]


def test_a_checkpoint_that_cannot_be_written_costs_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    source = ScriptedSource(
        [assignment(rungs=(2,)), assignment(attempt=2, rungs=(), epochs=1)], judge=verdict_at(2, Verdict.PAUSE)
    )
    no_folder = CheckpointStore(tmp_path / "file")
    train(source, slots=1, device="cpu", checkpoints=no_folder, checkpoint_seconds=0)
    assert [(ending.state, ending.checkpoint) for ending in source.endings()] == [("PAUSED", None)]
    assert source.notes() == []
    assert source.reports(attempt=2)[-1].last


@pytest.mark.parametrize(("slots", "device"), [(0, "cpu"), (2, "cpu"), (1, "abacus"), (1, "cuda:77")])
def test_what_the_engine_cannot_do_is_refused(store: CheckpointStore, slots: int, device: str) -> None:
    with pytest.raises(EngineError):
        train(ScriptedSource([]), slots=slots, device=device, checkpoints=store)
