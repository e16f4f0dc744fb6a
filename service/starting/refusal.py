"""How a process says that it cannot start: one line on stderr, and its exit code."""

import sys
from typing import NoReturn

from service.errors import ConfigurationError

BAD_CONFIGURATION = 2


def refuse(error: ConfigurationError) -> NoReturn:
    """Says what is wrong, and ends the process."""
    sys.stderr.write(f"ravine: {' '.join(error.detail.split())}\n")
    sys.exit(BAD_CONFIGURATION)
