"""How the importing child is started. Light: the API imports it.

How it ends: 0, an answer; 2, the request was none; 3, the disk is full; below 0 (as `subprocess` counts: a signal),
over its limits: SIGXCPU is its seconds, SIGABRT, SIGSEGV and SIGBUS are libraries that gave up for want of memory,
SIGKILL is the kernel's word for the same. Most of what takes too much memory is answered as an error with code 0.
Any other ending is a fault of ours.
"""

import sys
from collections.abc import Mapping
from types import MappingProxyType

COMMAND = (sys.executable, "-m", "trainer.importing")

DISK_IS_FULL = 3

ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
    }
)
"""To be set for the child: threads and arenas reserve address space for every core, and that is what is limited."""
