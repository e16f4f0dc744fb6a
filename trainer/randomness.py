"""Counted randomness: every draw follows from the trial's seed and a counter, never from what was drawn before."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor, nn


def initial_model(make: Callable[[], nn.Module], *, seed: int) -> nn.Module:
    """A new model on the CPU whose first weights depend on the seed alone; the generators are left as they were."""
    with seeded(_counted_seed("model", seed)):
        return make()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Meanwhile the generators that torch, NumPy and Python share draw what follows from the seed; then as before.

    Scikit-learn's splits draw from NumPy's where they are told nothing else.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed % 2**32)
            random.seed(seed)
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


def epoch_order(seed: int, *, epoch: int, num_examples: int) -> Tensor:
    """The order of the examples in an epoch (counted from 1): a permutation on the CPU, shape (num_examples,)."""
    generator = torch.Generator().manual_seed(_counted_seed("order", seed, epoch))
    return torch.randperm(num_examples, generator=generator)


def dropout_generator(seed: int, *, layer: int, num_updates: int) -> torch.Generator:
    """Where the mask of a model's layer-th dropout comes from in the update that follows `num_updates` others."""
    return torch.Generator().manual_seed(_counted_seed("dropout", seed, layer, num_updates))


def _counted_seed(purpose: str, *counters: int) -> int:
    """63 bits that look unrelated for any two lists of counters."""
    text = "/".join([purpose, *map(str, counters)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
