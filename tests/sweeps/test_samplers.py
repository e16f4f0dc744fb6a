"""Seeds of Optuna's samplers."""

from sweeps.studies.samplers import trial_seed


def test_seeds_of_trials_do_not_meet() -> None:
    seeds = {trial_seed(seed, number=number) for seed in range(50) for number in range(50)}
    assert len(seeds) == 2500
    assert max(seeds) < 2**32
