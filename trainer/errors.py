"""The trainer's error tree.

TrainerError
├── ProblemError       the problem (data, model, loss) cannot be built or does not fit together
│   └── StackingError  it was asked for in stacks (`engine: fused`), and its model cannot be stacked
├── CheckpointError    a checkpoint is missing, damaged or of another training
├── RowsError          rows that a user sent to be predicted do not fit the data
└── EngineError        the engine was asked for something that it cannot do
"""


class TrainerError(Exception):
    """Something went wrong in a training that is neither the user's typing nor a bug."""


class ProblemError(TrainerError):
    """The problem cannot be built or its parts do not fit together."""


class StackingError(ProblemError):
    """`engine: fused` by hand, of a model that cannot be stacked: so it would end on every worker."""


class CheckpointError(TrainerError):
    """The checkpoint is missing, damaged or belongs to another training."""


class RowsError(TrainerError):
    """Rows that a user sent do not fit the data: which row and column, and what is wrong."""


class EngineError(TrainerError):
    """The engine cannot do what it was asked for."""
