"""The child that opens uploads: `python -m trainer.importing` reads one request and writes one answer, both JSON.

How it ends is told in trainer.importing.child. The limits hold before the upload is opened; what runs before that are
imports alone.
"""

import ctypes
import errno
import resource
import signal
import sys

import pyarrow as pa
from pydantic import ValidationError

from trainer.importing.child import DISK_IS_FULL
from trainer.importing.preparing import prepare
from trainer.importing.refused import Refused
from trainer.importing.request import Complaint, ImportAnswer, ImportLimits, ImportRequest

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Answers the request on standard input; returns the exit code."""
    end_with_parent()
    try:
        request = ImportRequest.model_validate_json(sys.stdin.buffer.read())
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    limit_this_process(request.limits)
    try:
        said = answer(request)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return DISK_IS_FULL
    sys.stdout.write(said.model_dump_json() + "\n")
    return 0


def end_with_parent() -> None:
    """Nobody waits for an answer any more once the API is gone (Linux; elsewhere the limit of CPU ends it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_this_process(limits: ImportLimits) -> None:
    """Bounds the address space and the seconds of CPU; one thread, whose memory the limit sees."""
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    num_bytes = limits.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (num_bytes, num_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(request: ImportRequest) -> ImportAnswer:
    """What became of the upload. Raises OSError where the folder cannot be written."""
    try:
        return prepare(request)
    except Refused as error:
        return ImportAnswer(error=Complaint(field=error.field, message=error.message, mend=error.mend))
    except MemoryError:
        return ImportAnswer(
            error=Complaint(
                field="file",
                message=f"reading the file takes more than {request.limits.memory_mb} MiB of memory",
                mend="upload fewer rows or columns, or Parquet rather than CSV",
            )
        )


if __name__ == "__main__":
    sys.exit(main())
