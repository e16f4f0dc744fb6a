"""What all sides search: digits, a network of one hidden layer, four settings; TPE and successive halving."""

from typing import Any, TypedDict

DATASET = "digits"
NUM_HIDDEN_UNITS = 64
NUM_EPOCHS = 20
MIN_EPOCHS = 1
REDUCTION_FACTOR = 3
LEARNING_RATE = (1e-4, 1.0)  # on a log scale
MOMENTUM = (0.0, 0.99)
WEIGHT_DECAY = (1e-6, 1e-2)  # on a log scale
BATCH_SIZES = (16, 32, 64, 128)
METRIC = "val_accuracy"
NUM_WORKERS = 2  # of one thread each, on every side


class SgdSettings(TypedDict):
    """One point of the space."""

    learning_rate: float
    momentum: float
    weight_decay: float
    batch_size: int


def sweep_spec(*, num_trials: int, seed: int) -> dict[str, Any]:
    """The body of POST /v1/sweeps. No baseline first, and no weights kept and exported: the peers have neither."""
    return {
        "name": f"benchmark-{num_trials}-{seed}",
        "problem": {"dataset": DATASET, "model": {"kind": "mlp", "hidden": [NUM_HIDDEN_UNITS]}},
        "space": {
            "learning_rate": {"low": LEARNING_RATE[0], "high": LEARNING_RATE[1], "log": True},
            "momentum": {"low": MOMENTUM[0], "high": MOMENTUM[1]},
            "weight_decay": {"low": WEIGHT_DECAY[0], "high": WEIGHT_DECAY[1], "log": True},
            "batch_size": {"choices": list(BATCH_SIZES)},
        },
        "metric": {"name": METRIC, "goal": "maximize"},
        "sampler": {"kind": "tpe", "seed": seed},
        "pruner": {"kind": "asha", "min_epochs": MIN_EPOCHS, "reduction_factor": REDUCTION_FACTOR},
        "budget": {"trials": num_trials, "epochs": NUM_EPOCHS},
        "first": [],
        "keep": {"weights": 0},
        "seed": seed,
    }
