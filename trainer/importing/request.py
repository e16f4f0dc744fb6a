"""What the importing child is told on its standard input, and what it answers on its standard output: one JSON each."""

from typing import Any

from pydantic import Field

from trainer.config import Sha256
from trainer.facts import ProblemFacts
from trainer.frozen import Frozen
from trainer.importing.options import ImportOptions


class ImportLimits(Frozen):
    """What one import may take. The libraries alone fill 350 MiB of `memory_mb`, which counts address space."""

    memory_mb: int = Field(default=1024, ge=512)
    cpu_seconds: int = Field(default=60, ge=1)
    max_unpacked_mb: int = Field(default=512, ge=1)
    max_columns: int = Field(default=10_000, ge=2)
    max_cells: int = Field(default=50_000_000, ge=1)

    @property
    def max_unpacked_bytes(self) -> int:
        """The most that a compressed upload may become."""
        return self.max_unpacked_mb * 2**20


class ImportRequest(Frozen):
    """The upload at `path`, to be stored as `<sha256>.safetensors` in `folder`."""

    path: str
    folder: str
    options: ImportOptions
    limits: ImportLimits = ImportLimits()


class StoredFile(Frozen):
    """The prepared file: its content's SHA-256 (hex) is its name."""

    sha256: Sha256
    num_bytes: int


class Complaint(Frozen):
    """Why an upload was refused: the option (or `file`), what was wrong, how to mend it."""

    field: str
    message: str
    mend: str


class ImportAnswer(Frozen):
    """Either `error`, or the other three. `facts` bear the name and the digest of the data set."""

    file: StoredFile | None = None
    facts: ProblemFacts | None = None
    report: dict[str, Any] | None = None
    error: Complaint | None = None
