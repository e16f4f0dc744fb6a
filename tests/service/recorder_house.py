"""A database, our own MLflow with its real store, and the copier between them."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from mlflow import MlflowClient
from mlflow.entities import Run

from service.recorder.champions import Champions
from service.recorder.content import Origin
from service.recorder.copier import Copier
from service.recorder.mlflow_client import Mlflow
from service.recorder.mlflow_embedded import EmbeddedMlflow, open_mlflow
from service.recorder.registry import Registry
from service.records import MlflowRun
from service.stores import runs
from tests.service.recorder_story import Story, accuracy

ORIGIN = Origin("me", commit="abc")
Kind: TypeAlias = Callable[[Path], EmbeddedMlflow]
NOWHERE = "http://127.0.0.1:9"  # where nobody listens


def copier_of(story: Story, *, mlflow: Mlflow, registry: Registry) -> Copier:
    """A recorder on the story's database and files."""
    champions = Champions(story.database, registry=registry, files=story.files)
    return Copier(story.database, mlflow=mlflow, champions=champions, origin=ORIGIN)


class House:
    """A database, our own MLflow, and the copier between them."""

    def __init__(self, folder: Path, *, database_url: str, kind: Kind) -> None:
        self.folder = folder
        self.story = Story(folder, database_url=database_url)
        self.mlflow = kind(folder / "mlflow")
        self.client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
        self.restart()

    def restart(self) -> None:
        """A new recorder on the same databases."""
        self.copier = copier_of(self.story, mlflow=self.mlflow, registry=Registry(NOWHERE))

    def copy(self, *, now: float = 0.0, hurry: bool = True) -> None:
        """Steps until nothing is due."""
        while self.copier.step(now=now, hurry=hurry):
            pass

    def replay(self) -> None:
        """A new recorder that has lost its place."""
        with self.story.database.write() as connection:
            runs.move(connection, 0)
        self.restart()

    def place(self) -> int:
        with self.story.database.read() as connection:
            return runs.place(connection)

    def rows(self, sweep_id: str = "s1") -> dict[int, MlflowRun]:
        with self.story.database.read() as connection:
            return runs.of_sweep(connection, sweep_id)

    def runs(self, *, experiment: str = "ravine") -> dict[str, Run]:
        """The runs in MLflow by name; each name is there once."""
        found = self.client.get_experiment_by_name(experiment)
        assert found is not None
        listed = list(self.client.search_runs([found.experiment_id]))
        assert max(Counter(run.info.run_name for run in listed).values(), default=1) == 1
        return {run.info.run_name: run for run in listed}

    def artifacts(self, name: str, *, experiment: str = "ravine") -> dict[str, str]:
        """The texts beside one run, by file name."""
        run_id = self.runs(experiment=experiment)[name].info.run_id
        folder = self.folder / "mlflow" / "artifacts" / experiment / run_id / "artifacts"
        return {path.name: path.read_text() for path in folder.glob("*")}

    def steps(self, name: str, *, metric: str) -> list[tuple[int, float]]:
        """The points of one metric of one run; a point that were there twice would be here twice."""
        points = self.client.get_metric_history(self.runs()[name].info.run_id, metric)
        return [(point.step, point.value) for point in points]


def empty_mlflow_in(folder: Path) -> Path:
    """A database with MLflow's schema, which takes MLflow a while to make."""
    open_mlflow(None, folder=folder / "mlflow").close()
    return folder / "mlflow"


@contextmanager
def house_in(folder: Path, *, empty: Path, database_url: str, kind: Kind = EmbeddedMlflow) -> Iterator[House]:
    """A house, for as long as it is needed."""
    shutil.copytree(empty, folder / "mlflow")
    house = House(folder, database_url=database_url, kind=kind)
    yield house
    house.mlflow.close()
    house.story.database.close()


def everything_once(house: House, *, num_trials: int, last: int = 3) -> None:
    """Each trial has one run, and each epoch of it one point."""
    found = house.runs()
    assert set(found) == {"digits-s1", "#0 baseline", *(f"#{number}" for number in range(1, num_trials))}
    for number in range(num_trials):
        name = f"#{number}" if number else "#0 baseline"
        expected = [(epoch, accuracy(number, epoch=epoch)) for epoch in range(1, last + 1)]
        assert house.steps(name, metric="val_accuracy") == expected
        assert house.steps(name, metric="value") == expected[-1:]
        assert len(house.steps(name, metric="grad_norm")) == last - 1
        assert found[name].data.tags["mlflow.parentRunId"] == found["digits-s1"].info.run_id
        assert found[name].info.status != "RUNNING"
