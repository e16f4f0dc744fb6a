"""Keras in a process of its own, where its choice of backend touches nobody: one JSON question a line, one answer."""

import json
import sys
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np


def sgd(question: dict[str, Any]) -> list[list[float]]:
    """The weights after each update of keras.optimizers.SGD with InverseTimeDecay(decay_steps=1)."""
    rate = keras.optimizers.schedules.InverseTimeDecay(
        question["learning_rate"], decay_steps=1, decay_rate=question["decay"]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=question["momentum"], nesterov=question["nesterov"])
    weights = keras.Variable(np.array(question["start"]), dtype="float64")
    after = []
    for gradient in question["gradients"]:
        optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient), dtype="float64")], [weights])
        after.append(keras.ops.convert_to_numpy(weights.value).tolist())
    return after


def inverse_time(question: dict[str, Any]) -> list[float]:
    """The rates of InverseTimeDecay(decay_steps=b, decay_rate=1): η0 / (1 + t/b)."""
    schedule = keras.optimizers.schedules.InverseTimeDecay(
        question["learning_rate"], decay_steps=question["b"], decay_rate=1.0
    )
    return [float(schedule(step)) for step in range(question["num_updates"])]


def early_stopping(question: dict[str, Any]) -> int | None:
    """The epoch after which EarlyStopping ends the training; None where it does not."""
    callback = keras.callbacks.EarlyStopping(
        monitor="value", mode=question["mode"], patience=question["patience"], min_delta=question["min_delta"]
    )
    model = SimpleNamespace(stop_training=False)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(question["values"]):
        callback.on_epoch_end(epoch, {"value": value})
        if model.stop_training:
            return epoch + 1
    return None


ANSWERS = {"sgd": sgd, "inverse_time": inverse_time, "early_stopping": early_stopping}


def main() -> None:
    """Answer until the questions end."""
    keras.config.set_floatx("float64")
    for line in sys.stdin:
        question = json.loads(line)
        sys.stdout.write(json.dumps(ANSWERS[question["ask"]](question)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
