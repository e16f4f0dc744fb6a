import pytest
import torch

from tests.trainer.assignments import assignment
from trainer.checkpoint import Stored
from trainer.course.reactions import Reactions
from trainer.course.stopping import Patience
from trainer.errors import CheckpointError
from trainer.models.layout import Weights
from trainer.settings import Setting, settings_of
from trainer.state import Counters, Snapshots, State, as_stored, from_stored


def _state(epoch: int, *, best: bool = False) -> State:
    theta = torch.full((1, 3), float(epoch))
    counters = Counters(
        epoch=epoch,
        step=2,
        loss_sum=0.1 + 0.2,
        first_loss=1 / 3,
        reactions=Reactions(factor=0.1**3, train_loss=2 / 3, best_val_loss=1 / 7, num_bad_epochs=2, stable=True),
        patience=Patience(value=1 / 9, num_bad_epochs=3),
    )
    weights, best_weights = (
        Weights(theta + plus, {"norm.count": torch.tensor(2**53 + 1 + plus), "norm.mean": theta[0] / 3 + plus})
        for plus in (0, 2)
    )
    return State(counters, weights, {"velocity": theta + 1}, best_weights if best else None, "f" * 64)


def _equal(weights: Weights, other: Weights) -> bool:
    tensors, others = ({"theta": one.theta, **one.statistics} for one in (weights, other))
    return tensors.keys() == others.keys() and all(
        tensors[name].dtype == others[name].dtype and torch.equal(tensors[name], others[name]) for name in tensors
    )


@pytest.mark.parametrize("best", [True, False])
def test_a_state_survives_its_checkpoint_to_the_last_bit(best: bool) -> None:
    state = _state(3, best=best)
    again = from_stored(as_stored(state, of=assignment()), of=assignment())
    assert again.counters == state.counters
    assert _equal(again.weights, state.weights)
    assert torch.equal(again.buffers["velocity"], state.buffers["velocity"])
    assert (again.best is not None) == best
    assert again.best is None or (state.best is not None and _equal(again.best, state.best))
    assert again.frozen_sha256 == "f" * 64


@pytest.mark.parametrize("other", [assignment(seed=8), assignment({"learning_rate": 0.5})])
def test_a_checkpoint_of_another_training_is_refused(other: object) -> None:
    assert isinstance(other, type(assignment()))
    with pytest.raises(CheckpointError, match="another"):
        from_stored(as_stored(_state(3), of=assignment()), of=other)


def test_a_checkpoint_that_leaves_nothing_to_train_is_refused() -> None:
    with pytest.raises(CheckpointError, match="nothing is left"):
        from_stored(as_stored(_state(4), of=assignment(epochs=4)), of=assignment(epochs=4))


def test_a_checkpoint_at_which_early_stopping_ended_the_training_is_refused() -> None:
    impatient: dict[str, Setting] = {"learning_rate": 0.01, "early_stopping_patience": 3}
    with pytest.raises(CheckpointError, match="nothing is left"):
        from_stored(as_stored(_state(3), of=assignment(impatient)), of=assignment(impatient))


def test_a_checkpoint_without_what_the_optimizer_remembers_is_refused() -> None:
    other = assignment().model_copy(update={"settings": settings_of({"optimizer": "adam"})})
    with pytest.raises(CheckpointError, match="no checkpoint"):
        from_stored(as_stored(_state(3), of=other), of=other)


@pytest.mark.parametrize("stored", [Stored({}, "{}"), Stored({}, "no json")])
def test_a_file_that_is_no_checkpoint_is_refused(stored: Stored) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint"):
        from_stored(stored, of=assignment())


def test_snapshots_give_the_newest_state_up_to_an_epoch() -> None:
    snapshots = _snapshots(_state(0), rungs=(2, 6))
    snapshots.add(_state(2))
    snapshots.add(_state(6))
    assert [_epoch(snapshots, up_to=epoch) for epoch in (1, 2, 5, 6, 9)] == [0, 2, 2, 6, 6]


def test_an_answer_forgets_what_no_pause_can_ask_for_any_more() -> None:
    snapshots = _snapshots(_state(0), rungs=(2, 6))
    assert not snapshots.unanswered
    snapshots.add(_state(2))
    assert snapshots.unanswered
    snapshots.answered(3)
    assert not snapshots.unanswered
    assert _epoch(snapshots, up_to=5) == 2
    assert _epoch(snapshots, up_to=0) == 2


def test_a_training_that_began_at_a_checkpoint_goes_back_no_further() -> None:
    assert _epoch(_snapshots(_state(4), rungs=(2, 6)), up_to=3) == 4


def test_without_rungs_there_is_nothing_to_go_back_to() -> None:
    assert _snapshots(_state(4), rungs=()).up_to(3) is None


def _snapshots(initial: State, *, rungs: tuple[int, ...]) -> Snapshots:
    snapshots = Snapshots(rungs)
    snapshots.begin(lambda: initial)
    return snapshots


def _epoch(snapshots: Snapshots, *, up_to: int) -> int:
    state = snapshots.up_to(up_to)
    assert state is not None
    return state.counters.epoch
