"""The trainer child as a process: its two pipes, its memory, its end."""

import logging
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import psutil
from pydantic import ValidationError

from service.protocol import ChildDeath
from service.worker.cgroup import oom_kills
from service.worker.child_messages import ChildSaid, ToldChild

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
MIB = 1 << 20


class ChildProcess:
    """A running child. It is told lines on one pipe; a thread reads what it says on the other.

    `command` gets the numbers of the two descriptors as its last arguments: read from the first, write to the second.
    `hear` and `ended` are called from the thread; `ended` once, after all that the child said was heard.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        hear: Callable[[tuple[ChildSaid, ...]], None],
        ended: Callable[["ChildProcess"], None],
    ) -> None:
        self._hear, self._ended = hear, ended
        self._oom_kills = oom_kills()
        self._killed_for: Literal["hang", "memory"] | None = None
        self._rss_mb: int | None = None
        child_reads, self._to_child = os.pipe()
        self._from_child, child_writes = os.pipe()
        self._process = subprocess.Popen(
            [*command, str(child_reads), str(child_writes)],
            env=dict(environment),
            pass_fds=(child_reads, child_writes),
            stdin=subprocess.DEVNULL,
            stdout=2,  # user code may print: into the worker's log
            process_group=0,  # Ctrl-C is the parent's to hear, also while the child still imports torch
        )
        os.close(child_reads)
        os.close(child_writes)
        threading.Thread(target=self._read, name="child-reader", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, message: ToldChild) -> None:
        """Sends a message; one to a child that has just died is lost with it."""
        line = message.line()
        try:
            while line:
                line = line[os.write(self._to_child, line) :]
        except BrokenPipeError:
            logger.info("child %d is gone; its end is about to be heard", self.pid)

    def sample_rss_mb(self) -> int | None:
        """Its resident memory now, in MiB; None when it is gone."""
        try:
            self._rss_mb = psutil.Process(self.pid).memory_info().rss // MIB
        except psutil.NoSuchProcess:
            return None
        return self._rss_mb

    def kill(self, *, reason: Literal["hang", "memory"] | None = None) -> None:
        """Ends it at once."""
        self._killed_for = self._killed_for or reason
        self._process.kill()

    def death(self) -> ChildDeath:
        """How it ended; to be asked after `ended`."""
        code = self._process.wait()
        return ChildDeath(
            attempts=(),
            how=self._killed_for or ("signal" if code < 0 else "exit"),
            code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            rss_mb=self._rss_mb,
            oom=self._oom_kills.rose(to=oom_kills()),
        )

    def close(self) -> None:
        """Gives the pipe back; to be called after `ended`."""
        os.close(self._to_child)

    def _read(self) -> None:
        rest = b""
        while chunk := os.read(self._from_child, CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            try:
                heard = tuple(ChildSaid.model_validate_json(line) for line in lines)
            except ValidationError as error:
                logger.error("the child said what nobody understands and is killed: %s", error)
                self._process.kill()
                continue
            if heard:
                self._hear(heard)
        os.close(self._from_child)
        self._process.wait()
        self._ended(self)
