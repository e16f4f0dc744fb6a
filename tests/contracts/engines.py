"""What the suites on engines share."""

from collections.abc import Callable
from typing import TypeAlias

from tests.trainer.scripted_source import ScriptedSource, keep_weights
from trainer.config import Assignment

RunEngine: TypeAlias = Callable[[ScriptedSource], None]


def uninterrupted(run_engine: RunEngine, assigned: Assignment) -> ScriptedSource:
    """One trial from its start to its end, its weights kept."""
    source = ScriptedSource([assigned], judge=keep_weights)
    run_engine(source)
    return source
