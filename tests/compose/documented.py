"""What the documentation gives to be pasted into a shell."""

import re
import subprocess
from pathlib import Path

from tests.house.source import ROOT

SESSION_SECONDS = 240


def sessions(page: str) -> list[str]:
    """The shell sessions of a page, in its order."""
    return re.findall(r"```bash\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def paste(session: str, *, folder: Path = ROOT, **variables: str) -> str:
    """Runs a session in a folder and gives what it printed; any command of it that fails fails it."""
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", session],
        cwd=folder,
        env=bare,
        capture_output=True,
        text=True,
        timeout=SESSION_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
