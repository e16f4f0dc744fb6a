"""The hand-written peer: Optuna and MLflow in two processes of one thread each, as a competent person writes it.

`python -m benchmarks.optuna_side FOLDER --work short --trials 300 --seed 0 [--one-batch]`: the study is a journal file
in FOLDER, the runs are in FOLDER/mlflow.db. The journal is the faster of Optuna's two shared storages here: an RDB in
SQLite took about four times as long per trial.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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
    METRIC,
    MIN_EPOCHS,
    NUM_WORKERS,
    REDUCTION_FACTOR,
    WEIGHT_DECAY,
    WORKS,
    SgdSettings,
    Work,
)

EXPERIMENT = "digits"


def suggest(trial: Trial, *, work: Work) -> SgdSettings:
    """The settings of a trial."""
    return SgdSettings(
        learning_rate=trial.suggest_float("learning_rate", *work.learning_rate, log=True),
        momentum=trial.suggest_float("momentum", *work.momentum),
        weight_decay=trial.suggest_float("weight_decay", *WEIGHT_DECAY, log=True),
        batch_size=trial.suggest_categorical("batch_size", work.batch_sizes),
    )


def epochs(trial: Trial, *, training: Iterable[dict[str, float]]) -> Iterator[tuple[int, dict[str, float]]]:
    """Epoch numbers and metrics, until the trial is pruned; then raises TrialPruned."""
    for epoch, metrics in enumerate(training, start=1):
        yield epoch, metrics
        trial.report(metrics[METRIC], epoch)
        if trial.should_prune():
            raise optuna.TrialPruned


def logged_as_it_comes(trial: Trial, *, work: Work, seed: int) -> float:
    """One trial, its metrics logged after every epoch."""
    training = train(suggest(trial, work=work), work=work, seed=seed + trial.number)
    best = 0.0
    mlflow.start_run(run_name=f"trial {trial.number}")
    mlflow.log_params(trial.params)
    try:
        for epoch, metrics in epochs(trial, training=training):
            mlflow.log_metrics(metrics, step=epoch)
            best = max(best, metrics[METRIC])
    except optuna.TrialPruned:
        mlflow.end_run("KILLED")
        raise
    mlflow.end_run()
    return best


def logged_in_one_batch(trial: Trial, *, work: Work, seed: int) -> float:
    """One trial, all its metrics and parameters logged by one call at its end."""
    training = train(suggest(trial, work=work), work=work, seed=seed + trial.number)
    points: list[Metric] = []
    values: list[float] = []
    status = "FINISHED"
    run = mlflow.start_run(run_name=f"trial {trial.number}")
    try:
        for epoch, metrics in epochs(trial, training=training):
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


@dataclass(frozen=True)
class Told:
    """What the script is told. `work` is a name in WORKS."""

    folder: Path
    work: str
    trials: int
    seed: int
    one_batch: bool


def optimize(told: Told, *, number: int) -> None:
    """One of the processes: optimizes until the study has its trials."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    open_mlflow(told.folder)
    work, seed = WORKS[told.work], 1000 * told.seed
    halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=MIN_EPOCHS, reduction_factor=REDUCTION_FACTOR)
    study = optuna.load_study(
        study_name=EXPERIMENT,
        storage=storage(told.folder),
        sampler=optuna.samplers.TPESampler(seed=seed + number),
        pruner=halving if work.prunes else optuna.pruners.NopPruner(),
    )
    _warm_up(work)
    logged: Callable[..., float] = logged_in_one_batch if told.one_batch else logged_as_it_comes
    enough = MaxTrialsCallback(told.trials, states=(TrialState.COMPLETE, TrialState.PRUNED))
    study.optimize(lambda trial: logged(trial, work=work, seed=seed), callbacks=[enough])


def _warm_up(work: Work) -> None:
    """An epoch that nobody logs: the first trial's rate is then that of a process that has its data and its torch."""
    settings = SgdSettings(learning_rate=0.01, momentum=0.9, weight_decay=0.0, batch_size=work.batch_sizes[0])
    next(train(settings, work=work, seed=0))


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", choices=WORKS, default="short")
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one-batch", action="store_true")
    told = Told(**vars(parser.parse_args()))
    open_mlflow(told.folder)
    optuna.create_study(study_name=EXPERIMENT, storage=storage(told.folder), direction="maximize")
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=optimize, args=(told,), kwargs={"number": number}) for number in range(NUM_WORKERS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process failed")


if __name__ == "__main__":
    main()
