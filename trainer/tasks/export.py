"""A trained model as one file that runs with torch alone."""

from io import BytesIO

import torch
from torch import Tensor, nn

from trainer.checkpoint import CheckpointStore, Stored
from trainer.errors import ProblemError
from trainer.packed.preprocessing import decode, encode
from trainer.problem import Problem
from trainer.task import Export, Exported
from trainer.tasks.example import rows_of
from trainer.tasks.exported import PROGRAM, AboutExport
from trainer.tasks.trained import Trained, outputs_of, preprocessing_of, trained

CPU = torch.device("cpu")
NUM_TRACED = 2  # of one example the tracer would believe that there is never another number
NUM_EXAMPLES = 5
NUM_CHECKED = 256
LARGEST_DIFFERENCE = 1e-6


def export(task: Export, *, files: CheckpointStore, problem: Problem) -> Exported:
    """The stored program, which answers as the model does.

    ProblemError where it does not, CheckpointError where the weights are missing or the file cannot be written. What
    torch.export raises where it cannot follow a model goes through.
    """
    winner = trained(task.weights, files=files, problem=problem, device=CPU)
    program = _program(winner.model, x=problem.train.x[:NUM_TRACED].cpu())
    _check(program, model=winner.model, x=problem.validation.x[:NUM_CHECKED].cpu())
    about = _about(task, winner=winner, problem=problem)
    bytes_ = torch.frombuffer(bytearray(program), dtype=torch.uint8)
    return Exported(file=files.save(Stored({PROGRAM: bytes_}, about.model_dump_json()), epoch=winner.about.epoch))


def _program(model: nn.Module, *, x: Tensor) -> bytes:
    """The model as torch.export.save writes it, for any number of examples."""
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    file = BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def _check(program: bytes, *, model: nn.Module, x: Tensor) -> None:
    """What was written, read again, gives the same outputs."""
    expected = outputs_of(model, x=x)
    found = outputs_of(torch.export.load(BytesIO(program)).module(), x=x)
    scale = float(expected.abs().max())
    difference = float((found - expected).abs().max()) / scale if scale else float(found.abs().max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ProblemError(f"the exported program answers otherwise than the model: by {difference:.2g} of its outputs")


def _about(task: Export, *, winner: Trained, problem: Problem) -> AboutExport:
    inputs = problem.preprocessing["inputs"]
    rows = rows_of(inputs, encoded=problem.validation.x[:NUM_EXAMPLES].cpu().float().numpy())
    x = torch.from_numpy(encode(inputs, rows=rows)).to(problem.train.x.dtype)
    outputs = outputs_of(winner.model, x=x)
    preprocessing = preprocessing_of(problem, outputs=outputs)
    of = winner.about
    return AboutExport(
        problem=task.problem,
        preprocessing=preprocessing,
        input_example=rows,
        output_example=decode(preprocessing["target"], outputs=outputs.numpy()),
        settings=of.settings,
        seed=of.seed,
        metric=of.metric,
        epoch=of.epoch,
        value=of.value,
        torch=str(torch.__version__),
    )
