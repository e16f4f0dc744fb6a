"""Each road to MLflow brings the same: what its client and its server then show, and every row of its tables."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from structlog.testing import capture_logs

from service.recorder.content import Point
from service.recorder.delivery import Delivery
from service.recorder.mlflow_embedded import DATABASE_FILE, EmbeddedMlflow, open_mlflow
from service.recorder.mlflow_errors import RunMissing, RunRefused
from service.recorder.mlflow_tables import POINTS_AT_ONCE
from tests.contracts.recorder_roads import BEGIN_MS, DATA, ROADS, Road, content, points
from tests.service.mlflow_server import Server

NUM_RACES = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("mlflow")
    open_mlflow(None, folder=folder).close()
    server = Server(folder)
    yield server
    server.stop()


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest, server: Server) -> Iterator[Road]:
    road = Road.by(request.param, folder=server.folder, url=server.url)
    yield road
    road.mlflow.close()


def a_whole_life(road: Road) -> Iterator[str]:
    """A parent with its data, and a trial that is begun, trains, ends, goes on and ends again; its id after each."""
    [parent] = road.make(content(99))
    [run_id] = road.make(content(1), parent=parent)
    assert road.send(Delivery(parent, params={"seed": "7"}, data=DATA)) == [None]
    deliveries = [
        Delivery(run_id, points=points(last=3), params={"learning_rate": "0.1"}, tags={"ravine.worker": "w1"}),
        Delivery(run_id, points=points(first=2, last=5) + points(last=5, key="val_accuracy")),
        Delivery(run_id, tags={"ravine.state": "PRUNED"}, status="KILLED", ended_ms=BEGIN_MS + 9),
        Delivery(run_id, tags={"ravine.state": "RUNNING"}, status="RUNNING"),
        Delivery(run_id, points=(Point("value", 0.5, BEGIN_MS + 5, 5),), status="FINISHED", ended_ms=BEGIN_MS + 10),
    ]
    yield run_id
    for delivery in deliveries:
        assert road.send(delivery) == [None]
        yield run_id


def test_every_row_is_the_one_that_mlflow_s_own_client_makes(server: Server) -> None:
    rows = []
    for name in ROADS:
        road = Road.by(name, folder=server.folder, url=server.url)
        rows.append([road.rows(run_id) for run_id in a_whole_life(road)])
        road.mlflow.close()
    assert rows[0] == rows[1] == rows[2]
    assert {table: len(found) for table, found in rows[0][-1].items()} == {
        "runs": 1,
        "tags": 6,
        "params": 1,
        "metrics": 11,
        "latest_metrics": 3,
    }


def test_what_the_server_shows_of_a_run(road: Road) -> None:
    *_, run_id = a_whole_life(road)
    run = road.run(run_id)
    assert (run.info.run_name, run.info.status, run.info.lifecycle_stage) == ("#1", "FINISHED", "active")
    assert (run.info.start_time, run.info.end_time) == (BEGIN_MS + 1, BEGIN_MS + 10)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert run.info.artifact_uri.endswith(f"/{run.info.run_id}/artifacts")
    assert run.data.params == {"learning_rate": "0.1"}
    assert run.data.metrics == {"val_loss": 0.2, "val_accuracy": 0.2, "value": 0.5}
    tags = {"mlflow.runName": "#1", "ravine.state": "RUNNING", "ravine.worker": "w1", "mlflow.user": "me"}
    assert tags.items() <= run.data.tags.items()
    parent = road.run(run.data.tags["mlflow.parentRunId"])
    assert parent.inputs is not None
    [data] = parent.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest, data.dataset.profile) == (DATA.name, DATA.digest, DATA.profile)
    assert road.history(run.info.run_id) == [(epoch, BEGIN_MS + epoch, 1 / epoch) for epoch in range(1, 6)]


def test_what_the_ui_asks_for(server: Server, road: Road) -> None:
    first, second, third = road.make(*(content(number) for number in range(3)))
    for run_id, value in ((first, 0.3), (second, 0.1), (third, 0.2)):
        road.send(Delivery(run_id, points=(Point("value", value, BEGIN_MS, 1),), params={"momentum": str(value)}))
    body = {
        "experiment_ids": [road.mlflow.experiment(road.experiment)],
        "filter": "metrics.value < 0.25 AND tags.`ravine.state` = 'RUNNING' AND params.momentum != '7'",
        "order_by": ["metrics.value DESC"],
    }
    for api in ("api", "ajax-api"):
        found = httpx.post(f"{server.url}/{api}/2.0/mlflow/runs/search", json=body).json()["runs"]
        assert [run["info"]["run_id"] for run in found] == [third, second]
    asked = {"run_id": first, "metric_key": "value"}
    [point] = httpx.get(f"{server.url}/api/2.0/mlflow/metrics/get-history", params=asked).json()["metrics"]
    assert {"key": "value", "value": 0.3, "timestamp": BEGIN_MS, "step": 1}.items() <= point.items()
    asked = {"run_ids": first, "metric_key": "value"}
    found = httpx.get(f"{server.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", params=asked).json()
    assert [point["value"] for point in found["metrics"]] == [0.3]


def test_the_same_twice_is_the_same_once(road: Road) -> None:
    [run_id] = road.make(content())
    delivery = Delivery(
        run_id,
        points=points(last=4),
        params={"momentum": "0.9"},
        tags={"ravine.worker": "w1"},
        status="FINISHED",
        ended_ms=BEGIN_MS + 5,
    )
    assert road.send(delivery) == [None]
    before = road.rows(run_id)
    assert road.send(delivery) == [None]
    assert road.rows(run_id) == before


@pytest.mark.parametrize(
    "later",
    [
        Point("val_loss", 9.0, BEGIN_MS, 2),  # an earlier step
        Point("val_loss", 9.0, BEGIN_MS + 2, 3),  # the same step, earlier
        Point("val_loss", 0.1, BEGIN_MS + 3, 3),  # the same moment, less
        Point("val_loss", 0.9, BEGIN_MS + 3, 3),
        Point("val_loss", 0.1, BEGIN_MS + 4, 3),
        Point("val_loss", 0.1, BEGIN_MS, 4),
    ],
)
def test_the_latest_point_has_the_highest_step_then_timestamp_then_value(road: Road, later: Point) -> None:
    [run_id] = road.make(content())
    sent = [*points(last=3), later]
    road.send(Delivery(run_id, points=points(last=3)))
    road.send(Delivery(run_id, points=(later,)))
    latest = max(sent, key=lambda point: (point.step, point.at_ms, point.value))
    assert road.run(run_id).data.metrics == {"val_loss": latest.value}
    [[*row]] = road.rows(run_id)["latest_metrics"]
    assert {"step": latest.step, "timestamp": latest.at_ms, "is_nan": 0}.items() <= dict(row).items()
    assert len(road.history(run_id)) == 4


def test_what_is_not_taken_holds_nothing_else_up(road: Road) -> None:
    deleted, changed, misnamed, doubled, whole = road.make(*(content(number) for number in range(5)))
    road.send(Delivery(changed, params={"momentum": "0.9"}), Delivery(doubled, params={"momentum": "0.9"}))
    road.reader.delete_run(deleted)
    faults = road.send(
        Delivery(deleted, points=points(last=1)),
        Delivery(changed, points=points(last=1), params={"momentum": "0.8"}, status="FINISHED", ended_ms=BEGIN_MS),
        Delivery("0" * 32, points=points(last=1)),
        Delivery(misnamed, points=points(last=1, key="what?"), tags={"ravine.state": "COMPLETED"}),
        Delivery(doubled, points=points(last=1), params={"momentum": "0.9", "seed": "1"}),
        Delivery(whole, points=points(last=2), status="FINISHED", ended_ms=BEGIN_MS),
    )
    kinds = [type(fault) for fault in faults]
    assert kinds == [RunRefused, RunRefused, RunMissing, RunRefused, type(None), type(None)]
    assert road.rows(deleted)["metrics"] == road.rows(changed)["metrics"] == road.rows(misnamed)["metrics"] == set()
    assert road.run(changed).info.status == "RUNNING"
    assert road.run(misnamed).data.tags["ravine.state"] == "RUNNING"
    assert road.run(doubled).data.params == {"momentum": "0.9", "seed": "1"}
    assert len(road.history(whole)) == 2
    assert road.run(whole).info.status == "FINISHED"


def test_what_is_too_long_is_cut_where_mlflow_cuts_it(road: Road) -> None:
    [run_id] = road.make(content())
    assert road.send(Delivery(run_id, params={"hidden": "6" * 7000}, tags={"ravine.reason": "r" * 9000})) == [None]
    assert len(road.run(run_id).data.params["hidden"]) == 6000
    assert len(road.run(run_id).data.tags["ravine.reason"]) == 8000


def test_more_points_than_mlflow_takes_at_once(road: Road) -> None:
    [run_id] = road.make(content())
    assert road.send(Delivery(run_id, points=points(last=1200))) == [None]
    assert len(road.rows(run_id)["metrics"]) == 1200
    assert road.run(run_id).data.metrics == {"val_loss": 1 / 1200}


def test_more_points_than_go_in_one_transaction(server: Server) -> None:
    road = Road.by("into the tables", folder=server.folder, url=server.url)
    run_ids = road.make(*(content(number) for number in range(3)))
    each = POINTS_AT_ONCE // 2
    assert road.send(*(Delivery(run_id, points=points(last=each)) for run_id in run_ids)) == [None] * 3
    assert [len(road.rows(run_id)["metrics"]) for run_id in run_ids] == [each] * 3
    road.mlflow.close()


def test_a_deleted_experiment_takes_no_run_and_comes_back(road: Road) -> None:
    road.make(content())
    experiment_id = road.mlflow.experiment(road.experiment)
    road.reader.delete_experiment(experiment_id)
    assert road.mlflow.experiment(road.experiment) == experiment_id
    assert road.reader.get_experiment(experiment_id).lifecycle_stage == "active"
    assert len(road.make(content(1))) == 1


def test_runs_are_found_by_their_keys(road: Road) -> None:
    first, second = road.make(content(1), content(2))
    road.reader.delete_run(second)
    experiment_id = road.mlflow.experiment(road.experiment)
    assert road.mlflow.find_all(experiment_id, keys=["s1/1", "s1/2", "s1/3"]) == {"s1/1": first}


def test_users_write_at_the_same_time(road: Road) -> None:
    """The server writes the same file; each waits for the other."""
    [mine, theirs] = road.make(content(1), content(2))

    def write() -> None:
        for step in range(NUM_RACES):
            road.reader.log_metric(theirs, "val_loss", 1.0, timestamp=BEGIN_MS, step=step)
            road.reader.set_tag(mine, f"by.hand.{step}", "x")

    user = threading.Thread(target=write)
    user.start()
    for step in range(1, NUM_RACES + 1):
        assert road.send(Delivery(mine, points=points(first=step, last=step))) == [None]
    user.join()
    assert len(road.history(mine)) == len(road.history(theirs)) == NUM_RACES
    assert sum(key.startswith("by.hand.") for key in road.run(mine).data.tags) == NUM_RACES


def test_tables_that_were_upgraded_meanwhile_are_left_to_mlflow_s_client(tmp_path: Path) -> None:
    database = tmp_path / DATABASE_FILE
    road = Road(EmbeddedMlflow(tmp_path), MlflowClient(tracking_uri=f"sqlite:///{database}"), database)
    [run_id] = road.make(content())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
    with capture_logs() as said:
        assert road.send(Delivery(run_id, points=points(last=2))) == [None]
        [another] = road.make(content(1))
    assert [line["event"] for line in said] == ["mlflow.unknown_tables"]
    assert len(road.history(run_id)) == 2
    assert road.run(another).info.status == "RUNNING"
    road.mlflow.close()
