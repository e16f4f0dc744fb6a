"""An uploaded file becomes a prepared one in a child with limits of its own: the API itself parses none of it."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from service.errors import InvalidRequest, StorageFull, TooLarge
from service.settings import inherited
from sweeps.wrong import FieldError
from trainer.config import CheckpointRef
from trainer.facts import ProblemFacts
from trainer.importing.child import DISK_IS_FULL, ENVIRONMENT
from trainer.importing.options import ImportOptions
from trainer.importing.request import ImportAnswer, ImportLimits, ImportRequest

log = structlog.get_logger()

MAX_AT_ONCE = 2
SMALLER = "upload fewer rows or columns, or raise the service's RAVINE_UPLOAD_MEMORY_MB and RAVINE_UPLOAD_SECONDS"


@dataclass(frozen=True)
class Prepared:
    """A prepared file at `path`, not yet stored; `facts` and `report` describe it."""

    path: Path
    file: CheckpointRef
    facts: ProblemFacts
    report: dict[str, Any]


class Importer:
    """Runs `command` for each upload, at most two at once; the others wait. It has `seconds` on the clock for each."""

    def __init__(self, command: Sequence[str], *, limits: ImportLimits, seconds: float) -> None:
        self._command = tuple(command)
        self._limits = limits
        self._seconds = seconds
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)

    async def prepare(self, upload: Path, *, options: ImportOptions) -> Prepared:
        """The prepared file, beside the upload. Raises InvalidRequest for what cannot be read, TooLarge."""
        request = ImportRequest(path=str(upload), folder=str(upload.parent), options=options, limits=self._limits)
        async with self._turns:
            answer = await self._ask(request)
        if answer.error is not None:
            fault = FieldError(form_field(answer.error.field), answer.error.message, answer.error.mend)
            raise InvalidRequest(str(fault), errors=(fault,))
        assert answer.file is not None
        assert answer.facts is not None
        return Prepared(
            path=upload.parent / f"{answer.file.sha256}.safetensors",
            file=CheckpointRef(sha256=answer.file.sha256, epoch=0, num_bytes=answer.file.num_bytes),
            facts=answer.facts,
            report=answer.report or {},
        )

    async def _ask(self, request: ImportRequest) -> ImportAnswer:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={**inherited(), **ENVIRONMENT},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._seconds):
                said, complained = await process.communicate(request.model_dump_json().encode())
        except TimeoutError:
            raise _too_large(f"its import took more than {self._seconds:g} s") from None
        finally:
            await _end(process)
        return _answer(said, complained=complained, code=process.returncode)


def form_field(field: str) -> str:
    """What the form calls an option: `split.column` is split_column there."""
    return "split" if field == "split.kind" else field.replace("split.", "split_")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _answer(said: bytes, *, complained: bytes, code: int | None) -> ImportAnswer:
    try:
        if code == 0:
            return ImportAnswer.model_validate_json(said)
    except ValidationError as error:
        complained += str(error).encode()
    if code == DISK_IS_FULL:
        raise StorageFull("The disk that holds the files is full: free space, then upload it again.")
    log.warning("import.failed", code=code, said=complained[-2000:].decode(errors="replace"))
    if code is not None and code < 0:
        raise _too_large("its import was ended over its limits of memory or time")
    fault = FieldError("file", "could not be read: its import ended without an answer", "see the service's log")
    raise InvalidRequest(str(fault), errors=(fault,))


def _too_large(message: str) -> TooLarge:
    fault = FieldError("file", message, SMALLER)
    return TooLarge(str(fault), errors=(fault,))
