"""How the learning rate runs over the updates. Pure."""

from trainer.settings import Settings


def learning_rate(num_updates: int, *, settings: Settings) -> float:
    """η of the update that follows `num_updates` others: η0 / (1 + lr_decay·t), the `decay` of Keras."""
    return settings.learning_rate / (1 + settings.lr_decay * num_updates)
