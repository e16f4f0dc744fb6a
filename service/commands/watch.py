"""Following a sweep until it is over: a live board in a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live

from service.client import Client
from service.client_errors import TryLater, Unreachable
from service.commands.display import board, progress_line
from service.schemas import SweepAnswer, TrialAnswer
from sweeps.states import FINAL_SWEEP_STATES

POLL_SECONDS = 0.5
PATIENCE = 3  # of the time goes to waiting for each part that went to asking, so that a large sweep is not slowed
GIVE_UP_SECONDS = 60.0

Look = tuple[SweepAnswer, list[TrialAnswer]]


def follow(client: Client, *, sweep_id: str, console: Console) -> SweepAnswer:
    """Shows the sweep until it is over, and gives it as it ended."""
    return (
        _live(client, sweep_id=sweep_id, console=console)
        if console.is_terminal
        else _plain(client, sweep_id, console=console)
    )


def _live(client: Client, *, sweep_id: str, console: Console) -> SweepAnswer:
    with Live(console=console, auto_refresh=False) as live:
        for sweep, trials in _looks(client, sweep_id=sweep_id, with_trials=True):
            live.update(board(sweep, trials=trials), refresh=True)
    return sweep


def _plain(client: Client, sweep_id: str, *, console: Console) -> SweepAnswer:
    said = ""
    for sweep, _ in _looks(client, sweep_id=sweep_id, with_trials=False):
        line = progress_line(sweep)
        if line != said:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        said = line
    return sweep


def _looks(client: Client, *, sweep_id: str, with_trials: bool) -> Iterator[Look]:
    """The sweep again and again, the last time when it is over. A service that is away is waited for."""
    last_seen = time.monotonic()
    while True:
        asked_at = time.monotonic()
        try:
            look = client.sweep(sweep_id), list(client.trials(sweep_id)) if with_trials else []
        except (Unreachable, TryLater):
            if time.monotonic() - last_seen > GIVE_UP_SECONDS:
                raise
        else:
            last_seen = time.monotonic()
            yield look
            if look[0].state in FINAL_SWEEP_STATES:
                return
        time.sleep(max(POLL_SECONDS, PATIENCE * (time.monotonic() - asked_at)))
