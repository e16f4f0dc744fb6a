"""The hand-written peer: Optuna and MLflow in two processes of one thread each, as a competent person writes it.

`python -m benchmarks.optuna_side FOLDER --trials 300 --seed 0 [--one-batch]`: the study is a journal file in FOLDER,
the runs are in FOLDER/mlflow.db. The journal is the faster of Optuna's two shared storages here: an RDB in SQLite took
about four times as long per trial.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import optuna
import torch
from mlflow.entities import Metric, Param
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import Trial, TrialState

from benchmarks.eager_training import train
from benchmarks.workload import (
    BATCH_SIZES,
    LEARNING_RATE,
    METRIC,
    MIN_EPOCHS,
    MOMENTUM,
    NUM_WORKERS,
    REDUCTION_FACTOR,
    WEIGHT_DECAY,
    SgdSettings,
)

EXPERIMENT = "digits"


def suggest(trial: Trial) -> SgdSettings:
    """The settings of a trial."""
    return SgdSettings(
        learning_rate=trial.suggest_float("learning_rate", *LEARNING_RATE, log=True),
        momentum=trial.suggest_float("momentum", *MOMENTUM),
        weight_decay=trial.suggest_float("weight_decay", *WEIGHT_DECAY, log=True),
        batch_size=trial.suggest_categorical("batch_size", BATCH_SIZES),
    )


def epochs(trial: Trial, *, settings: SgdSettings, seed: int) -> Iterator[tuple[int, dict[str, float]]]:
    """Epoch numbers and metrics, until the trial is pruned; then raises TrialPruned."""
    for epoch, metrics in enumerate(train(settings, seed=seed + trial.number), start=1):
        yield epoch, metrics
        trial.report(metrics[METRIC], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned


def logged_as_it_comes(trial: Trial, *, seed: int) -> float:
    """One trial, its metrics logged after every epoch."""
    settings = suggest(trial)
    best = 0.0
    mlflow.start_run(run_name=f"trial {trial.number}")
    mlflow.log_params(trial.params)
    try:
        for epoch, metrics in epochs(trial, settings=settings, seed=seed):
            mlflow.log_metrics(metrics, step=epoch)
            best = max(best, metrics[METRIC])
    except optuna.TrialPruned:
        mlflow.end_run("KILLED")
        raise
    mlflow.end_run()
    return best


def logged_in_one_batch(trial: Trial, *, seed: int) -> float:
    """One trial, all its metrics and parameters logged by one call at its end."""
    settings = suggest(trial)
    points: list[Metric] = []
    values: list[float] = []
    status = "FINISHED"
    run = mlflow.start_run(run_name=f"trial {trial.number}")
    try:
        for epoch, metrics in epochs(trial, settings=settings, seed=seed):
            now_ms = time.time_ns() // 1_000_000
            points += [Metric(key, value, now_ms, epoch) for key, value in metrics.items()]
            values.append(metrics[METRIC])
    except optuna.TrialPruned:
        status = "KILLED"
        raise
    finally:
        params = [Param(key, str(value)) for key, value in trial.params.items()]
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=points, params=params)
        mlflow.end_run(status)
    return max(values)


def storage(folder: Path) -> JournalStorage:
    """The study's place."""
    return JournalStorage(JournalFileBackend(str(folder / "study.log")))


def open_mlflow(folder: Path) -> None:
    """Points MLflow at its database, which is made where it is missing."""
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment(EXPERIMENT)


def work(folder: Path, *, num_trials: int, seed: int, number: int, one_batch: bool) -> None:
    """One of the processes: optimizes until the study has its trials."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    open_mlflow(folder)
    study = optuna.load_study(
        study_name=EXPERIMENT,
        storage=storage(folder),
        sampler=optuna.samplers.TPESampler(seed=1000 * seed + number),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=MIN_EPOCHS, reduction_factor=REDUCTION_FACTOR),
    )
    logged: Callable[..., float] = logged_in_one_batch if one_batch else logged_as_it_comes
    enough = MaxTrialsCallback(num_trials, states=(TrialState.COMPLETE, TrialState.PRUNED))
    study.optimize(lambda trial: logged(trial, seed=1000 * seed), callbacks=[enough])


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one-batch", action="store_true")
    given = parser.parse_args()
    open_mlflow(given.folder)
    optuna.create_study(study_name=EXPERIMENT, storage=storage(given.folder), direction="maximize")
    spawn = multiprocessing.get_context("spawn")
    what = {"num_trials": given.trials, "seed": given.seed, "one_batch": given.one_batch}
    workers = [
        spawn.Process(target=work, args=(given.folder,), kwargs=what | {"number": number})
        for number in range(NUM_WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit("a worker failed")


if __name__ == "__main__":
    main()
