"""One stack for all tests of this folder: built once, started once, and nothing of it left but the image."""

from collections.abc import Iterator

import pytest

from tests.compose.engine import Engine, find_engine
from tests.compose.stack import Stack


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A missing engine is a failure: a stack that nobody started is not tested."""
    found = find_engine()
    if isinstance(found, str):
        pytest.fail(found)
    return found


@pytest.fixture(scope="session")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(engine, folder=tmp_path_factory.mktemp("stack"))
    stack.build()
    try:
        stack.up()
        yield stack
    finally:
        stack.down("--volumes", "--remove-orphans")
