from trainer.course.stopping import Patience, is_spent, patience_after
from trainer.settings import Settings


def _bad_epochs(values: list[float | None], *, min_delta: float = 0.0) -> list[int]:
    patience, after = Patience(), []
    for value in values:
        patience = patience_after(patience, value=value, goal="maximize", min_delta=min_delta)
        after.append(patience.num_bad_epochs)
    return after


def test_an_epoch_is_bad_unless_it_beats_the_best_by_more_than_min_delta() -> None:
    assert _bad_epochs([0.1, 0.2, 0.2, 0.15, 0.3]) == [0, 0, 1, 2, 0]
    assert _bad_epochs([0.0, 0.5, 1.0, 1.25], min_delta=0.5) == [0, 1, 0, 1]


def test_a_value_that_is_missing_is_no_better() -> None:
    assert _bad_epochs([None, 0.1, None, None]) == [1, 0, 1, 2]


def test_without_patience_set_there_is_no_end_to_it() -> None:
    assert not is_spent(Patience(num_bad_epochs=10_000), settings=Settings())
    assert is_spent(Patience(num_bad_epochs=3), settings=Settings(early_stopping_patience=3))
    assert not is_spent(Patience(num_bad_epochs=2), settings=Settings(early_stopping_patience=3))
