"""A source for one training by hand: no service, every verdict is CONTINUE, what happens is written as JSON lines."""

import json
from dataclasses import dataclass, field
from typing import TextIO

from trainer.config import Assignment
from trainer.report import Answer, CheckpointNote, Ending, EpochReport, Verdict, WeightsNote


@dataclass
class OneTraining:
    """Hands out `assignment` once, writes a line per epoch; `ending` is None when the training went to its end."""

    assignment: Assignment
    out: TextIO
    ending: Ending | None = None
    last_report: EpochReport | None = None
    _handed_out: bool = False
    _answers: list[Answer] = field(default_factory=list)

    def take(self, *, num_free: int, wait: bool) -> list[Assignment]:  # noqa: ARG002 (the seam's signature)
        """The one assignment, at the first call."""
        if self._handed_out:
            return []
        self._handed_out = True
        return [self.assignment]

    def started(self, attempt: int) -> None:
        """Nobody waits for it."""

    def report(self, report: EpochReport) -> None:
        """Write the epoch's line."""
        self.last_report = report
        self._answers.append(Answer(attempt=report.attempt, epoch=report.epoch, verdict=Verdict.CONTINUE))
        self._write({"epoch": report.epoch, **report.metrics})

    def end(self, ending: Ending) -> None:
        """Remember why there is no last report."""
        self.ending = ending

    def checkpointed(self, note: CheckpointNote) -> None:
        """Nobody resumes it."""

    def weights(self, note: WeightsNote) -> None:
        """Nobody keeps them."""

    def answers(self) -> list[Answer]:
        """CONTINUE to every report since the last call."""
        answers, self._answers = self._answers, []
        return answers

    def beat(self, *, num_steps: int) -> None:
        """Nobody watches."""

    def draining(self) -> bool:
        """Never."""
        return False

    def exhausted(self) -> bool:
        """After the one assignment."""
        return self._handed_out

    def close(self) -> None:
        """Write the closing line: state, reason, epochs done, training seconds."""
        said = self.ending or self.last_report
        self._write(
            {
                "state": self.ending.state if self.ending else "COMPLETED",
                "reason": self.ending.reason if self.ending else None,
                "num_epochs": self.last_report.epoch if self.last_report else 0,
                "seconds": said.seconds if said else 0.0,
            }
        )

    def _write(self, line: dict[str, object]) -> None:
        self.out.write(json.dumps(line) + "\n")
        self.out.flush()
