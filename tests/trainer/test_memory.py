"""How much memory a stack takes, how much there is, and how many rows follow from that."""

import ctypes
import gc
import resource
from pathlib import Path

import pytest
import torch

from tests.trainer.assignments import assignment
from tests.trainer.own_models import discover_models, training
from trainer.checkpoint import CheckpointStore
from trainer.config import Assignment, CnnModel, Limits, LinearModel, MlpModel, ModelConfig, ProblemConfig
from trainer.free_memory import free_bytes, of_control_groups
from trainer.fused.memory import MOST_SHARE, StackMemory
from trainer.fused.opening import FusedStacks
from trainer.fused.stack import FusedStack
from trainer.problem import Problem, build_problem
from trainer.settings import Setting

CPU = torch.device("cpu")
MIB = 1 << 20


def on_digits(model: ModelConfig, **settings: Setting) -> Assignment:
    return assignment({"learning_rate": 0.001, **settings}, problem=ProblemConfig(dataset="digits", model=model))


def built(of: Assignment, *, folder: Path) -> Problem:
    return build_problem(of.problem, device=CPU, files=CheckpointStore(folder), metric=of.metric)


LARGE = [
    on_digits(MlpModel(hidden=(512, 512)), momentum=0.9, batch_size=64),
    on_digits(MlpModel(hidden=(512, 512)), optimizer="adam", batch_size=64),
    on_digits(MlpModel(hidden=(64,)), batch_size="full"),
    on_digits(CnnModel(channels=(16, 32)), batch_size=128),
]


@pytest.mark.parametrize("of", LARGE, ids=["sgd", "adam", "full", "cnn"])
def test_a_stack_takes_at_most_what_is_estimated(tmp_path: Path, of: Assignment) -> None:
    problem = built(of, folder=tmp_path)
    trained(of, problem=problem, num_rows=2)  # what torch loads once is no stack's
    estimate = StackMemory(of, problem=problem, device=CPU).num_bytes(8)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed is free
    before = resident_bytes("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    trained(of, problem=problem, num_rows=8)
    taken = resident_bytes("VmHWM:") - before
    assert 0.1 * estimate < taken + 4 * MIB
    assert taken < estimate + 4 * MIB, (taken, estimate)


def trained(of: Assignment, *, problem: Problem, num_rows: int) -> None:
    """Two epochs or 20 steps of so many rows."""
    stack = FusedStack(device=CPU, width=num_rows, ahead_seconds=0)
    rows = [stack.add(of.model_copy(update={"seed": seed}), problem=problem) for seed in range(num_rows)]
    for _ in range(20):
        stack.advance()
        if rows[0].num_epochs == 2:
            break


def resident_bytes(name: str) -> int:
    """Of this process, now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def test_the_width_follows_from_what_is_free(tmp_path: Path) -> None:
    of = LARGE[0]
    problem = built(of, folder=tmp_path)
    memory = StackMemory(of, problem=problem, device=CPU)
    enough = int(memory.num_bytes(20) / MOST_SHARE)
    assert [memory.widest(free, at_most=32) for free in (0, enough - 8, enough + 8)] == [1, 19, 20]
    assert memory.widest(enough, at_most=4) == 4
    row = memory.num_bytes(2) - memory.num_bytes(1)
    assert row > 10 * 4 * (64 * 512 + 512 * 512 + 512 * 10)  # ten times the weights


def test_a_stack_is_opened_no_wider_than_the_limit_of_its_sweep_allows(tmp_path: Path) -> None:
    problem = built(LARGE[0], folder=tmp_path)
    stacks = FusedStacks(device=CPU, ahead_seconds=0, beat=lambda: None)
    limits = Limits(memory_mb=resident_bytes("VmRSS:") // MIB + 300)
    of = LARGE[0].model_copy(update={"engine": "fused", "width": 32, "limits": limits})
    assert 1 < stacks.open(of, problem=problem, width=32).num_free < 12
    assert stacks.open(LARGE[0], problem=problem, width=4).num_free == 4


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (on_digits(LinearModel()), on_digits(LinearModel(), optimizer="adam")),
        (on_digits(LinearModel(), batch_size=16), on_digits(LinearModel(), batch_size=512)),
        (on_digits(MlpModel(hidden=(64,))), on_digits(MlpModel(hidden=(64, 64)))),
        (on_digits(LinearModel()), on_digits(LinearModel()).model_copy(update={"rungs": (1, 2, 3)})),
    ],
)
def test_more_of_anything_takes_more(tmp_path: Path, less: Assignment, more: Assignment) -> None:
    stacks = [StackMemory(of, problem=built(of, folder=tmp_path), device=CPU) for of in (less, more)]
    assert stacks[0].num_bytes(4) < stacks[1].num_bytes(4)


def test_to_estimate_changes_nothing(tmp_path: Path) -> None:
    discover_models(tmp_path)
    of = training("cumulative")
    problem = built(of, folder=tmp_path)
    state = torch.get_rng_state()
    sizes = {StackMemory(of, problem=problem, device=CPU).num_bytes(2) for _ in range(2)}
    assert len(sizes) == 1
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_free_is_less_than_what_the_machine_has() -> None:
    total = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert 0 < free_bytes(CPU) < 1024 * int(total.split()[1])


def test_the_limit_of_a_sweep_counts_from_what_the_process_has() -> None:
    free = free_bytes(CPU, memory_mb=resident_bytes("VmRSS:") // MIB + 100)
    assert free == pytest.approx(100 * MIB, abs=10 * MIB)
    assert free_bytes(CPU, memory_mb=1) == 0


def test_the_limit_of_the_address_space_counts() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (resident_bytes("VmSize:") + 200 * MIB, before[1]))
    try:
        assert free_bytes(CPU) == pytest.approx(200 * MIB, abs=20 * MIB)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_the_limits_of_control_groups_count_of_each_one_above_too(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("0::/service/worker\n")
    group(
        tmp_path / "service",
        memory__max=1000,
        memory__current=700,
        memory__stat="anon 500\ninactive_file 150\nfile 200",
    )
    group(tmp_path / "service" / "worker", memory__max="max", memory__current=600, memory__stat="inactive_file 1")
    assert list(of_control_groups(tmp_path, membership=membership)) == [450]


def test_control_groups_of_the_first_version_count_too(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/docker/1234\n0::/\n")
    stat = "cache 1\ntotal_inactive_file 50"
    files = {"memory__limit_in_bytes": 900, "memory__usage_in_bytes": 400, "memory__stat": stat}
    group(tmp_path / "memory", **files)  # in a container its own group is the root
    assert list(of_control_groups(tmp_path, membership=membership)) == [550]


def test_without_control_groups_nothing_is_limited(tmp_path: Path) -> None:
    assert list(of_control_groups(tmp_path, membership=tmp_path / "none")) == []
