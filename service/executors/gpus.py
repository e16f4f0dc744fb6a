"""The GPUs of this machine, found without torch."""

import shutil
import subprocess

NVIDIA_SMI_SECONDS = 10


def gpus() -> tuple[str, ...]:
    """The indices of the CUDA devices."""
    if shutil.which("nvidia-smi") is None:
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_SECONDS, check=False)
    return tuple(found.stdout.split()) if found.returncode == 0 else ()
