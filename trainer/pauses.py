"""How often an engine lays down what it does. Torch-free."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pauses:
    """For how many seconds at most an engine trains before it writes a checkpoint, and before it looks up.

    It looks at what it is told between any two updates of large models; of tiny ones it makes several in
    `ahead_seconds`.
    """

    checkpoint_seconds: float
    ahead_seconds: float


AS_A_SERVICE = Pauses(checkpoint_seconds=30.0, ahead_seconds=0.005)
