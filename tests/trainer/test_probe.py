"""The probe: which models can be stacked, what is said of those that cannot, and which engine is faster."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.contracts.test_engine_memory import GREEDY
from tests.trainer.assignments import assignment
from tests.trainer.own_forwards import write_forwards
from tests.trainer.own_models import STACKABLE, discover_models, training
from tests.trainer.own_problems import assigned, line, own_file
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, LinearModel, MetricConfig, MlpModel, ProblemConfig
from trainer.own.discovery import discover
from trainer.settings import Settings
from trainer.task import Probe, Probed, Task, TaskResult
from trainer.tasks.probe import judged
from trainer.tasks.running import run_task

DIGITS = ProblemConfig(dataset="digits", model=LinearModel())
ACCURACY = MetricConfig(name="val_accuracy", goal="maximize")


@pytest.fixture(autouse=True)
def _models(tmp_path: Path) -> None:
    discover_models(tmp_path)
    discover([str(tmp_path / "models.py"), write_forwards(tmp_path)])


def probe(problem: ProblemConfig = DIGITS, *, of: Assignment | None = None, most_rows: int = 32) -> Probe:
    settings = Settings(learning_rate=0.5, momentum=0.9, batch_size=16) if of is None else of.settings
    metric = ACCURACY if of is None else of.metric
    return Probe(problem=problem, settings=settings, metric=metric, seed=3, most_rows=most_rows)


def done(one: Probe, *, folder: Path) -> TaskResult:
    return run_task(Task(id=1, body=one), files=CheckpointStore(folder), device="cpu", beat=lambda: None)


def probed(one: Probe, *, folder: Path) -> Probed:
    result = done(one, folder=folder)
    assert isinstance(result.value, Probed), result.error
    return result.value


def resident_mib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) // 1024


def of_kind(kind: str) -> Probe:
    return probe(ProblemConfig(plugin="forwards", settings={"kind": kind}), most_rows=4)


def test_a_tiny_model_is_faster_in_a_stack(tmp_path: Path) -> None:
    found = probed(probe(), folder=tmp_path)
    assert (found.engine, found.reason) == ("fused", None)
    assert 2 <= found.width <= 32
    assert found.serial_us is not None
    assert found.fused_us is not None
    assert found.gain == found.serial_us / found.fused_us
    assert found.gain > 1.2


@pytest.mark.parametrize("kind", STACKABLE)
def test_what_can_be_stacked_is_timed(tmp_path: Path, kind: str) -> None:
    of = training(kind)
    found = probed(probe(of.problem, of=of, most_rows=4), folder=tmp_path)
    assert found.gain is not None
    assert found.gain > 0


def test_a_plain_model_of_ones_own_is_timed(tmp_path: Path) -> None:
    assert probed(of_kind("plain"), folder=tmp_path).gain is not None


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000, "full"])
def test_batches_of_every_size_can_be_compared(tmp_path: Path, batch_size: int | str) -> None:
    of = training("normed" if batch_size != 1 else "tied")  # BatchNorm refuses a batch of one
    settings = of.settings.model_copy(update={"batch_size": batch_size})
    found = probed(probe(of.problem, of=of.model_copy(update={"settings": settings}), most_rows=4), folder=tmp_path)
    assert found.gain is not None, found.reason


@pytest.mark.parametrize(
    ("kind", "found", "mend"),
    [
        ("cumulative", "reads a number out of a tensor (.item(), float(), int()) (torch.nn.BatchNorm1d)", "momentum"),
        ("scaled", "keeps the statistic 1.scale in a way that is lost beside other rows", "self.scale.copy_(...)"),
        ("branching", "decides by the values in a tensor (if, while, assert) (models.py, line ", "torch.where"),
    ],
)
def test_a_model_that_cannot_be_stacked_is_found_out(tmp_path: Path, kind: str, found: str, mend: str) -> None:
    of = training(kind)
    result = probed(probe(of.problem, of=of), folder=tmp_path)
    assert (result.engine, result.width, result.gain) == ("serial", 1, None)
    assert result.reason is not None
    assert result.reason.startswith(f"models {found}")
    assert mend in result.reason


@pytest.mark.parametrize(
    ("kind", "found", "mend"),
    [
        ("dropout", "draws random numbers of its own (torch.nn.functional.dropout, forwards.py, line", "nn.Dropout"),
        ("noise", "draws random numbers of its own (forwards.py, line", "nn.Dropout"),
        ("numpy", "draws random numbers that its seed does not decide", "use nn.Dropout"),
        ("python", "draws random numbers that its seed does not decide", "when the model is made"),
        ("counting", "draws random numbers that its seed does not decide", "use nn.Dropout"),
        ("filling", "writes into a tensor that all rows would share (forwards.py, line", "register_buffer"),
        ("item", "reads a number out of a tensor (.item(), float(), int()) (forwards.py, line", "with tensors"),
        ("numbers", "takes the values out of a tensor (.numpy(), .tolist()) (forwards.py, line", "with tensors"),
        ("mask", "makes a tensor whose shape depends on values", "torch.where"),
        ("recurrent", "uses an operation that torch cannot map over rows (torch.nn.GRU, forwards.py", "another layer"),
        ("loss", "decides by the values in a tensor (if, while, assert) (forwards.py, line", "torch.where"),
        ("logging", "logs 'spread' (log_metric)", "a function in metrics"),
    ],
)
def test_the_reason_says_what_was_found_where_and_what_mends_it(
    tmp_path: Path, kind: str, found: str, mend: str
) -> None:
    result = probed(of_kind(kind), folder=tmp_path)
    assert (result.engine, result.gain) == ("serial", None)
    assert result.reason is not None
    assert result.reason.startswith(f"forwards {found}")
    assert mend in result.reason


def test_what_raises_alone_is_no_matter_of_stacking(tmp_path: Path) -> None:
    discover([own_file(tmp_path)])
    of = assigned(line({"wrong": "model"}))
    result = done(probe(of.problem, of=of), folder=tmp_path)
    assert result.value is None
    assert result.error == "ValueError: boom"


def test_data_without_scale_is_compared_at_a_rate_that_they_bear(tmp_path: Path) -> None:
    path = own_file(tmp_path, old="torch.linspace(2, 4, 40)", new="1e6 * torch.linspace(2, 4, 40)")
    Path(path).write_text(Path(path).read_text().replace("log_metric(", "(").replace("(-1, 1, 40)", "(-1e4, 1e4, 40)"))
    discover([path])
    of = assigned(line())
    assert probed(probe(of.problem, of=of, most_rows=2), folder=tmp_path).gain is not None


def test_no_stack_takes_more_than_the_limit_of_its_sweep_leaves(tmp_path: Path) -> None:
    large = ProblemConfig(dataset="digits", model=MlpModel(hidden=(256, 256)))
    none = probed(probe(large).model_copy(update={"memory_mb": 1}), folder=tmp_path)
    assert (none.engine, none.width, none.serial_us) == ("serial", 1, None)
    assert none.reason is not None
    assert none.reason.startswith("two trials side by side may take ")
    assert "25% of the 0 MiB that are free here" in none.reason
    assert "limits.memory_mb" in none.reason
    roomy = probed(probe(DIGITS).model_copy(update={"memory_mb": resident_mib() + 500}), folder=tmp_path)
    assert roomy.gain is not None


@pytest.mark.parametrize(
    ("most", "error", "is_timed", "said"),
    [
        (4, "torch", True, "memory ran out with 16 trials side by side"),
        (3, "python", False, "memory ran out with 4 trials side by side"),
        (2, "python", False, "memory ran out in the probe (MemoryError: CUDA out of memory"),
        (0, "torch", False, "memory ran out in the probe (OutOfMemoryError: CUDA out of memory"),
    ],
)
def test_where_memory_runs_out_the_group_is_narrower_or_serial(
    tmp_path: Path, most: int, error: str, is_timed: bool, said: str
) -> None:
    path = tmp_path / "greedy.py"
    path.write_text(GREEDY)
    discover([str(path)])
    greedy = ProblemConfig(plugin="greedy", settings={"most": most, "error": error})
    found = probed(probe(greedy, most_rows=16), folder=tmp_path)
    assert found.reason is not None
    assert said in found.reason
    assert (found.gain is not None) == is_timed
    assert found.width in ((1, 4) if is_timed else (1,))
    assert found.engine == ("serial" if found.width == 1 else "fused")


def test_one_row_is_no_stack(tmp_path: Path) -> None:
    found = probed(probe(most_rows=1), folder=tmp_path)
    assert (found.engine, found.serial_us) == ("serial", None)
    assert found.reason is not None
    assert "slots" in found.reason


@pytest.mark.parametrize("name", ["digits", "models"])
def test_it_leaves_no_trace(tmp_path: Path, name: str) -> None:
    of = training("normed")
    one = probe(most_rows=4) if name == "digits" else probe(of.problem, of=of, most_rows=4)
    torch.manual_seed(5)
    before = _world()
    probed(one, folder=tmp_path)
    assert _world() == before


def _world() -> tuple[object, ...]:
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return (
        torch.get_rng_state().tolist(),
        numpy_state["state"]["key"].tolist(),
        numpy_state["state"]["pos"],
        random.getstate(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    )


def test_it_beats_while_it_lasts(tmp_path: Path) -> None:
    beats: list[int] = []
    files = CheckpointStore(tmp_path)
    run_task(Task(id=1, body=probe()), files=files, device="cpu", beat=lambda: beats.append(1))
    assert len(beats) > 5


@pytest.mark.parametrize(
    ("stacks_us", "engine", "width", "gain"),
    [
        ({2: 90.0, 8: 40.0, 32: 50.0}, "fused", 8, 2.5),
        ({2: 84.0, 8: 95.0}, "serial", 1, 100 / 84),
        ({2: 200.0}, "serial", 1, 0.5),
        ({2: 100 / 1.2}, "fused", 2, 1.2),
    ],
)
def test_the_engine_follows_from_the_times(stacks_us: dict[int, float], engine: str, width: int, gain: float) -> None:
    found = judged(100.0, stacks_us=stacks_us)
    assert (found.engine, found.width) == (engine, width)
    assert found.gain == pytest.approx(gain)
    assert (found.reason is None) == (engine == "fused")


def test_a_slow_update_alone_is_serial_with_a_reason() -> None:
    found = judged(2e6, stacks_us={})
    assert (found.engine, found.serial_us, found.gain) == ("serial", 2e6, None)
    assert found.reason is not None


def test_the_probe_of_the_largest_of_the_small_is_brief(tmp_path: Path) -> None:
    of = assignment({"learning_rate": 0.1, "batch_size": 128})
    large = ProblemConfig(dataset="digits", model=MlpModel(hidden=(256, 256)))
    found = probed(probe(large, of=of.model_copy(update={"metric": ACCURACY})), folder=tmp_path)
    assert found.serial_us is not None
