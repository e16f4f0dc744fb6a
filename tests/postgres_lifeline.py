"""`python -m tests.postgres_lifeline FOLDER`: removes a test's PostgreSQL once nobody holds this process's stdin open.

A pytest that is killed removes nothing itself. This process is told by the end of the pipe, whatever ended pytest.
"""

import shutil
import sys
from pathlib import Path

import psutil

from service.supervision.lifeline import end_tree


def server_in(folder: Path) -> psutil.Process | None:
    """The server whose data lie there, if it runs."""
    data = folder / "data"
    try:
        server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
        return server if str(data) in server.cmdline() else None  # else the number is another's by now
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def main() -> None:
    """Waits for the end of stdin, then ends the server and removes its folder."""
    folder = Path(sys.argv[1])
    sys.stdin.read()
    if (server := server_in(folder)) is not None:
        end_tree(server)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
