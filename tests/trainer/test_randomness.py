import torch
from torch import nn

from trainer.randomness import epoch_order, initial_model


def _weights(seed: int) -> torch.Tensor:
    model = initial_model(lambda: nn.Linear(4, 4), seed=seed)
    assert isinstance(model, nn.Linear)
    return model.weight.detach()


def test_the_first_weights_follow_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = _weights(5)
    torch.manual_seed(2)
    assert torch.equal(_weights(5), first)
    assert not torch.equal(_weights(6), first)


def test_the_global_generator_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    _weights(5)
    epoch_order(5, epoch=1, num_examples=10)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_order_is_a_permutation_that_follows_from_seed_and_epoch() -> None:
    order = epoch_order(5, epoch=3, num_examples=100)
    assert sorted(order.tolist()) == list(range(100))
    assert torch.equal(epoch_order(5, epoch=3, num_examples=100), order)


def test_no_two_epochs_or_seeds_share_an_order() -> None:
    orders = {
        tuple(epoch_order(seed, epoch=epoch, num_examples=100).tolist())
        for seed in (0, 1, 2, 2**63, 2**70)
        for epoch in range(1, 20)
    }
    assert len(orders) == 5 * 19


def test_the_order_of_today_is_that_of_tomorrow() -> None:
    """Stored trials are trained again by seed: changing this changes what they give."""
    assert epoch_order(0, epoch=1, num_examples=8).tolist() == [0, 7, 6, 4, 5, 3, 2, 1]
