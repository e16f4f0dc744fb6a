"""Random stories of rows that come, train, go and change places in one stack, and the groups that they are told of."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from tests.trainer.any_settings import OPTIMIZERS, BatchSize, any_settings
from tests.trainer.assignments import RAVINE
from tests.trainer.companies import CPU, Company, built, cut, row_of
from tests.trainer.own_models import of_kind
from trainer.config import Assignment, CnnModel, LinearModel, MlpModel, ModelConfig, ProblemConfig, ResnetModel
from trainer.pauses import AS_A_SERVICE
from trainer.problem import Problem


def on(dataset: str, model: ModelConfig) -> ProblemConfig:
    """A built-in model on a data set."""
    return ProblemConfig(dataset=dataset, model=model)


THINNED = tuple(MlpModel(hidden=(7, 5), activation="gelu", dropout=share) for share in (0.5, 0.1, 0.8))

GROUPS: Mapping[str, tuple[ProblemConfig, ...]] = {
    "linear": (on("wine", LinearModel()),),
    "linear regression": (on("diabetes", LinearModel()),),
    "mlp": (on("wine", MlpModel(hidden=(16,))),),
    "mlp of long rows": (on("wine", MlpModel(hidden=(128, 128))),),
    "mlp of odd widths": (on("wine", MlpModel(hidden=(7, 5), activation="tanh")),),
    "mlp gelu": (on("wine", MlpModel(hidden=(33,), activation="gelu")),),
    "mlp regression": (on("diabetes", MlpModel(hidden=(64,))),),
    "mlp silu regression": (on("diabetes", MlpModel(hidden=(64, 9), activation="silu")),),
    "mlp dropout": tuple(on("wine", model) for model in THINNED),
    "quadratic": (RAVINE,),
    "normed": (of_kind("normed"),),
    "frozen": (of_kind("frozen"),),
    "tied": (of_kind("tied"),),
}
"""By what they are: the problems that rows of one group may have."""

IMAGES: Mapping[str, tuple[ProblemConfig, ...]] = {
    "cnn": (on("digits", CnnModel(channels=(6, 5), activation="gelu")),),
    "cnn dropout": tuple(on("digits", CnnModel(channels=(4,), dropout=share)) for share in (0.5, 0.2)),
    "resnet": (on("digits", ResnetModel(channels=(5,), activation="silu")),),
}
NUM_IMAGES = 70

BATCH_SIZES: st.SearchStrategy[BatchSize] = st.sampled_from([32, 7, 50, "full"])

RATES = st.sampled_from([1e-3, 0.01, 0.1, 0.5, 1e6])
"""At the last most trainings diverge."""


def problem_of(config: ProblemConfig, *, device: torch.device = CPU) -> Problem:
    """It, with few images."""
    whole = built(config, device=device)
    return cut(whole, num_examples=NUM_IMAGES) if config.dataset == "digits" else whole


@dataclass(frozen=True)
class Story:
    """What happens to rows of one group in a stack: each event is what happens, and to which of the rows."""

    rows: tuple[Assignment, ...]
    width: int
    ahead_seconds: float
    events: tuple[tuple[str, int], ...]


EVENTS = st.tuples(st.sampled_from(["advance", "advance", "advance", "add", "leave", "move"]), st.integers(0, 5))


@st.composite
def stories(draw: st.DrawFn, *, groups: Mapping[str, tuple[ProblemConfig, ...]], widths: tuple[int, ...]) -> Story:
    """Two to six rows of any settings that come, train, go and change places."""
    problems = groups[draw(st.sampled_from(sorted(groups)))]
    optimizer = draw(st.sampled_from(sorted(OPTIMIZERS)))
    batch_size = draw(BATCH_SIZES)
    of_rows = any_settings(optimizer=optimizer, batch_size=batch_size, rates=RATES)
    rows = tuple(
        row_of(draw(st.sampled_from(problems)), settings=draw(of_rows), attempt=number, epochs=draw(st.integers(1, 3)))
        for number in range(draw(st.integers(2, 6)))
    )
    return Story(
        rows=rows,
        width=draw(st.sampled_from(widths)),
        ahead_seconds=draw(st.sampled_from([0.0, AS_A_SERVICE.ahead_seconds])),
        events=tuple(draw(st.lists(EVENTS, max_size=25))),
    )


def played(story: Story, *, problems: Mapping[int, Problem]) -> Company:
    """The stack after all events, and after the end of all who were left or still to come."""
    company, queue = Company(problems, width=story.width, ahead_seconds=story.ahead_seconds), list(story.rows)
    company.add(queue.pop(0))
    for event, number in story.events:
        rows = company.rows
        if event == "add" and queue and company.has_room:
            company.add(queue.pop(0))
        if event == "advance" and rows:
            company.advance()
        if event == "leave" and rows:
            company.leave(rows[number % len(rows)])
        if event == "move" and rows:
            row = rows[number % len(rows)]
            company.add(row.assignment, state=company.leave(row))
    while queue or company.rows:
        while queue and company.has_room:
            company.add(queue.pop(0))
        company.advance()
    return company
