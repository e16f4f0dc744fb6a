"""Keeps parts alive: starts each, starts again what dies, and ends all of them in order, leaving nothing behind."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil
import structlog

from service.starting.refusal import BAD_CONFIGURATION
from service.supervision.lifeline import end_all, wait_until_gone
from service.supervision.processes import Part
from service.supervision.signals import when_signalled

TICK_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a part that lived so long, or became ready, starts again without a pause
STOP_SECONDS = 15.0
LOOK_SECONDS = 3.0
LEAVE_SECONDS = 5.0  # what knows the lifeline has ended by then
PROBE_TIMEOUT_SECONDS = 1.0

log = structlog.get_logger("supervisor")


class RunningPart:
    """One part over all its starts."""

    def __init__(self, part: Part, *, log_folder: Path) -> None:
        self.part = part
        self.log_path = log_folder / f"{part.name}.log"
        self.ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._num_failures = 0
        self._num_starts = 0

    def tick(self, *, now: float, descriptor: int) -> int | None:
        """Does what is due: starts it, or looks whether it ended. Gives the exit code of an end."""
        if self._process is None:
            after = self.part.starts_after
            if now >= self._start_at and (after is None or after.exists()):
                self._start(now=now, descriptor=descriptor)
            return None
        code = self._process.poll()
        if code is not None:
            self._ended(code, now=now)
        return code

    def is_fatal(self, code: int) -> bool:
        """Whether an end with this code ends everything.

        What was right at the first start is no wrong setting later: then the world is at fault (the database is away),
        and that passes.
        """
        return code in self.part.fatal and (code != BAD_CONFIGURATION or self._num_starts == 1)

    def becomes_ready(self, http: httpx.Client) -> bool:
        """Whether it has just become ready."""
        if self.ready or self._process is None or self.part.probe_url is None:
            return False
        try:
            self.ready = http.get(self.part.probe_url).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
        return self.ready

    def stop(self) -> None:
        """Ends it: asked first, killed after STOP_SECONDS."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("killed", part=self.part.name, after_seconds=STOP_SECONDS)
            self._process.kill()
            self._process.wait()
        if self.part.owns_descendants:
            _kill_group(self._process.pid)
        self._process = None

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log_path.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "")

    def _start(self, *, now: float, descriptor: int) -> None:
        with self.log_path.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which then ends all in order.
            self._process = subprocess.Popen(
                self.part.command,
                env=self.part.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        self._started_at = now
        self._num_starts += 1
        log.info("started", part=self.part.name, pid=self._process.pid)

    def _ended(self, code: int, *, now: float) -> None:
        assert self._process is not None
        if self.part.owns_descendants:
            _kill_group(self._process.pid)
        was_well = self.ready or now - self._started_at >= STEADY_SECONDS
        self._process, self.ready = None, False
        self._num_failures = 0 if was_well else self._num_failures + 1
        pause_seconds = pause_before_start(self._num_failures)
        self._start_at = now + pause_seconds
        log.warning("ended", part=self.part.name, code=code, said=self.last_words(), pause_seconds=pause_seconds)


def pause_before_start(num_failures: int) -> float:
    """Seconds to wait before the next start after so many early ends in a row."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (num_failures - 1)) if num_failures else 0.0


class Supervisor:
    """Keeps the parts alive until SIGINT, SIGTERM, SIGHUP or a fatal end. Belongs in the main thread, for the signals.

    `lifeline` is the pipe (read end, write end) whose write end closes here at last. `on_ready` hears of each part that
    became ready.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        lifeline: tuple[int, int],
        log_folder: Path,
        on_ready: Callable[[Part], None],
    ) -> None:
        self._running = [RunningPart(part, log_folder=log_folder) for part in parts]
        self._lifeline = lifeline
        self._on_ready = on_ready
        # What the parts started may outlive them and be nobody's child then: it is remembered while it can be seen.
        self._seen: set[psutil.Process] = set()
        self._look_at = 0.0

    def run(self) -> int:
        """Gives 0 after a signal, the exit code after a fatal end; nothing is left then."""
        over = threading.Event()
        when_signalled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), act=over.set)
        try:
            # The environment's proxies have no business between the parts of one machine.
            with httpx.Client(timeout=PROBE_TIMEOUT_SECONDS, trust_env=False) as http:
                while not over.wait(TICK_SECONDS):
                    if code := self._tick(http, now=time.monotonic()):
                        return code
            return 0
        finally:
            self._stop()

    def _tick(self, http: httpx.Client, *, now: float) -> int | None:
        """Does what is due; gives the exit code of a fatal end."""
        if now >= self._look_at:
            self._look()
            self._look_at = now + LOOK_SECONDS
        for one in self._running:
            code = one.tick(now=now, descriptor=self._lifeline[0])
            if code is not None and one.is_fatal(code):
                log.error("gave up", part=one.part.name, code=code, said=one.last_words())
                return code
            if one.becomes_ready(http):
                self._on_ready(one.part)
        return None

    def _look(self) -> None:
        alive = {process for process in self._seen if process.is_running()}
        self._seen = alive.union(psutil.Process().children(recursive=True))

    def _stop(self) -> None:
        self._look()
        for one in self._running:
            one.stop()
        os.close(self._lifeline[1])
        if left := wait_until_gone(list(self._seen), seconds=LEAVE_SECONDS):
            log.warning("left behind", pids=[process.pid for process in left])
            end_all(left)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass
