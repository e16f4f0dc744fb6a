"""An importing child without its libraries, whose behaviour is the first word of the upload.

dies: by SIGKILL, as over a limit of memory. mute: ends well and says nothing. raises: exit code 1. full: so is the
disk. slow: never ends. refused: a complaint about the split's column. Anything else is prepared: the file is the
upload itself, and the words after `classes` are the examples of each class in the training part.
"""

import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from trainer.facts import ProblemFacts
from trainer.importing.child import DISK_IS_FULL
from trainer.importing.request import Complaint, ImportAnswer, ImportRequest, StoredFile


def prepared(request: ImportRequest, content: bytes) -> ImportAnswer:
    """The upload itself as a prepared file."""
    sha256 = hashlib.sha256(content + (request.options.target or "").encode()).hexdigest()
    (Path(request.folder) / f"{sha256}.safetensors").write_bytes(content)
    words = content.decode(errors="replace").split()
    counts = tuple(int(word) for word in words[1:]) if words[:1] == ["classes"] else (30, 30)
    facts = ProblemFacts(
        name=request.options.name,
        task="classification",
        description="What a test uploaded.",
        digest=sha256,
        num_train=sum(counts),
        num_validation=20,
        num_test=20,
        input_shape=(3,),
        num_classes=len(counts),
        class_counts=counts,
    )
    file = StoredFile(sha256=sha256, num_bytes=len(content))
    return ImportAnswer(file=file, facts=facts, report={"columns": [], "warnings": ["a test wrote it"]})


def main() -> None:
    """One import."""
    request = ImportRequest.model_validate_json(sys.stdin.read())
    content = Path(request.path).read_bytes()
    match content[:20].split()[:1]:
        case [b"dies"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case [b"raises"]:
            sys.exit("Traceback: a secret of the machine")
        case [b"full"]:
            sys.exit(DISK_IS_FULL)
        case [b"slow"]:
            time.sleep(600)
        case [b"mute"]:
            return
        case [b"refused"]:
            complaint = Complaint(field="split.column", message="no column 'when'", mend="use one of a, b")
            answer = ImportAnswer(error=complaint)
        case _:
            answer = prepared(request, content)
    print(answer.model_dump_json())  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
