"""The trainer's error tree.

TrainerError
├── ProblemError       the problem (data, model, loss) cannot be built or does not fit together
├── CheckpointError    a checkpoint is missing, damaged or of another training
└── EngineError        the engine was asked for something that it cannot do
"""


class TrainerError(Exception):
    """Something went wrong in a training that is neither the user's typing nor a bug."""


class ProblemError(TrainerError):
    """The problem cannot be built or its parts do not fit together."""


class CheckpointError(TrainerError):
    """The checkpoint is missing, damaged or belongs to another training."""


class EngineError(TrainerError):
    """The engine cannot do what it was asked for."""
