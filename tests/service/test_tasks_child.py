"""The real trainer child at a task: between the updates of a training, and with nothing else to do."""

from pathlib import Path

import torch

from service.worker.child_messages import ToldChild
from tests.service.test_trainer_child import Listener, child, wine
from trainer.checkpoint import CheckpointStore
from trainer.config import CheckpointRef, ProblemConfig
from trainer.report import Answer, Verdict
from trainer.task import Export, Exported, Predict, Prediction, Task, TaskResult

WINE = ProblemConfig(dataset="wine")


def train_and_keep(listener: Listener) -> CheckpointRef:
    """The weights of a first trial."""
    listener.process.tell(ToldChild(assignments=(wine(1, epochs=2),)))
    listener.until(lambda said: said.reports and said.reports[-1].last)
    listener.process.tell(ToldChild(answers=(Answer(attempt=1, epoch=2, verdict=Verdict.STOP, keep=True),)))
    (note,) = listener.until(lambda said: said.weights)[-1].weights
    return note.weights


def result_of(listener: Listener, task: Task) -> TaskResult:
    listener.process.tell(ToldChild(tasks=(task,)))
    (result,) = listener.until(lambda said: said.task_results)[-1].task_results
    return result


def test_it_predicts_and_exports_while_it_trains_and_while_it_waits(tmp_path: Path) -> None:
    with child(tmp_path) as listener:
        announced = listener.until(lambda said: said.problems is not None)
        assert announced[-1].problems == ()
        weights = train_and_keep(listener)
        predict = Predict(problem=WINE, weights=weights, rows=[[1.0] * 13])
        waiting = result_of(listener, Task(id=1, body=predict))
        listener.process.tell(ToldChild(assignments=(wine(2, epochs=100_000),)))
        listener.until(lambda said: any(report.attempt == 2 for report in said.reports))
        training = result_of(listener, Task(id=2, body=predict))
        exported = result_of(listener, Task(id=3, body=Export(problem=WINE, weights=weights)))
        wrong = result_of(listener, Task(id=4, body=predict.model_copy(update={"rows": [["x"] * 13]})))
        listener.until(lambda said: said.reports)  # the training went on
    assert isinstance(waiting.value, Prediction)
    assert (waiting.value, training.task) == (training.value, 2)
    assert (wrong.fault, wrong.value) == (True, None)
    assert isinstance(exported.value, Exported)
    assert CheckpointStore(tmp_path).load(exported.value.file).tensors["program"].dtype == torch.uint8


def test_a_plugin_that_cannot_be_loaded_leaves_the_others(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    bad.write_text("raise RuntimeError('broken')")
    good.write_text(
        "import torch\n"
        "from trainer.plugins import Problem, problem\n"
        "@problem('plane', task='regression')\n"
        "def plane():\n"
        "    'A plane.'\n"
        "    part = (torch.randn(8, 2), torch.randn(8, 1))\n"
        "    return Problem(model=lambda: torch.nn.Linear(2, 1), train=part, validation=part, test=part)\n"
    )
    listener = Listener(tmp_path / "files", problems=(str(bad), str(good)))
    try:
        problems = listener.until(lambda said: said.problems is not None)[-1].problems
        assert problems is not None
        assert [(one.name, one.kind) for one in problems] == [("plane", "plugin")]
        plane = ProblemConfig(plugin="plane", digest=problems[0].digest)
        trial = wine(1, epochs=2).model_copy(
            update={"problem": plane, "metric": wine(1, epochs=1).metric.model_copy(update={"name": "val_loss"})}
        )
        listener.process.tell(ToldChild(assignments=(trial,)))
        listener.until(lambda said: said.reports and said.reports[-1].last)
        listener.process.tell(ToldChild(answers=(Answer(attempt=1, epoch=2, verdict=Verdict.STOP, keep=True),)))
        (note,) = listener.until(lambda said: said.weights)[-1].weights
        said = result_of(listener, Task(id=1, body=Predict(problem=plane, weights=note.weights, rows=[[1.0, 2.0]])))
        exported = result_of(listener, Task(id=2, body=Export(problem=plane, weights=note.weights)))
    finally:
        listener.process.kill()
    assert isinstance(said.value, Prediction)
    assert isinstance(exported.value, Exported)
