"""The other peer: Ray Tune with OptunaSearch, ASHA and its own MLflow callback, on one local cluster.

`python -m benchmarks.ray_side FOLDER --trials 60 --seed 0 [--reuse-actors]`: the runs are in FOLDER/mlflow.db.
"""

import argparse
from pathlib import Path

import ray
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.eager_training import train
from benchmarks.workload import (
    BATCH_SIZES,
    LEARNING_RATE,
    METRIC,
    MIN_EPOCHS,
    MOMENTUM,
    NUM_EPOCHS,
    NUM_WORKERS,
    REDUCTION_FACTOR,
    WEIGHT_DECAY,
    WORKS,
    SgdSettings,
)

OBJECT_STORE_BYTES = 200 << 20


def one_trial(config: SgdSettings) -> None:
    """Trains and reports every epoch; the seed is the same for every trial, as a trainable knows no number."""
    for metrics in train(config, work=WORKS["short"], seed=0):
        tune.report(metrics)


def tuner(folder: Path, *, num_trials: int, seed: int, reuse_actors: bool) -> tune.Tuner:
    """The search, its results and runs below `folder`."""
    return tune.Tuner(
        tune.with_resources(one_trial, {"cpu": 1}),
        param_space={
            "learning_rate": tune.loguniform(*LEARNING_RATE),
            "momentum": tune.uniform(*MOMENTUM),
            "weight_decay": tune.loguniform(*WEIGHT_DECAY),
            "batch_size": tune.choice(BATCH_SIZES),
        },
        tune_config=tune.TuneConfig(
            metric=METRIC,
            mode="max",
            search_alg=OptunaSearch(seed=seed),
            scheduler=ASHAScheduler(grace_period=MIN_EPOCHS, reduction_factor=REDUCTION_FACTOR, max_t=NUM_EPOCHS),
            num_samples=num_trials,
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder / "results"),
            callbacks=[MLflowLoggerCallback(f"sqlite:///{folder / 'mlflow.db'}", experiment_name="digits")],
            verbose=0,
        ),
    )


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reuse-actors", action="store_true")
    given = parser.parse_args()
    ray.init(
        address="local",
        num_cpus=NUM_WORKERS,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
    )
    search = tuner(given.folder, num_trials=given.trials, seed=given.seed, reuse_actors=given.reuse_actors)
    results = search.fit()
    ray.shutdown()
    if results.num_errors:
        raise SystemExit(f"{results.num_errors} trials failed")


if __name__ == "__main__":
    main()
