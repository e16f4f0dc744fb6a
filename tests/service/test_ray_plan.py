"""What a worker is as a job of Ray: the code it gets, what it is told, and what is never told."""

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from service.errors import ConfigurationError
from service.executors.ray_client import RayJob
from service.executors.ray_package import ray_package
from service.executors.ray_plan import RayPlan, owner_of, ray_plan
from service.settings import Settings

SECRETS = {"token": "user-secret", "join_token": "join-secret", "database_password": "base-secret"}
DATABASE = "postgresql://ravine:url-secret@db/ravine"


def settings(folder: Path, **given: Any) -> Settings:
    return Settings.model_validate({"home": folder, **given})


def planned(settings: Settings, *, owner: str = "ours") -> RayPlan:
    return ray_plan(settings, owner=owner)


def environment(settings: Settings) -> dict[str, str]:
    return dict(planned(settings).job("ray-a")["runtime_env"]["env_vars"])


def test_a_worker_is_told_what_it_needs(tmp_path: Path) -> None:
    asked = {"url": "http://head:8000", "slots": 8, "worker_cpus": 2.5, "ray_code": "image", "problems": ("a.b",)}
    told = environment(settings(tmp_path, **asked))
    assert told == {
        "RAVINE_URL": "http://head:8000",
        "RAVINE_WORKER_ID": "ray-a",
        "RAVINE_EXECUTOR": "ray",
        "RAVINE_SLOTS": "8",
        "RAVINE_THREADS": "2",
        "RAVINE_DEVICE": "cpu",
        "RAVINE_IDLE_SECONDS": "60",
        "RAVINE_PROBLEMS": "a.b",
        "RAY_JOB_STOP_WAIT_TIME_S": "5",
    }


def test_a_worker_with_a_gpu_trains_on_it(tmp_path: Path) -> None:
    plan = planned(settings(tmp_path, worker_gpus=0.5, ray_code="image"))
    job = plan.job("ray-a")
    assert (job["entrypoint_num_cpus"], job["entrypoint_num_gpus"]) == (1, 0.5)
    assert job["runtime_env"]["env_vars"]["RAVINE_DEVICE"] == "cuda:0"
    assert plan.capacity([{"CPU": 8, "GPU": 2}, {"CPU": 3, "GPU": 4}, {"CPU": 8}]) == 4 + 3
    assert planned(settings(tmp_path, worker_cpus=0.1, ray_code="image")).capacity([{"CPU": 0.3}]) == 3


def test_no_secret_is_in_what_ray_is_told(tmp_path: Path) -> None:
    plan = planned(settings(tmp_path, database_url=DATABASE, **SECRETS))
    told = json.dumps(plan.job("ray-a"))
    assert not [secret for secret in (*SECRETS.values(), "url-secret") if secret in told]
    assert plan.package is not None
    assert not [
        name for name in zipfile.ZipFile(io.BytesIO(plan.package.content)).namelist() if "token" in Path(name).stem
    ]


@pytest.mark.parametrize(("node", "wanted"), [({}, "{home}/join-token"), ({"RAVINE_JOIN_TOKEN_FILE": "/own"}, "/own")])
def test_the_node_may_say_where_the_join_token_lies(tmp_path: Path, node: dict[str, str], wanted: str) -> None:
    home = tmp_path / "it's a home"
    command = planned(settings(home, ray_code="image")).entrypoint
    shown = command.replace("python -m service.worker", "printenv RAVINE_JOIN_TOKEN_FILE")
    said = subprocess.run(["sh", "-c", shown], env={"PATH": "/usr/bin:/bin", **node}, capture_output=True, text=True)
    assert said.stdout.strip() == wanted.format(home=home)


def test_a_token_that_is_a_value_is_for_the_nodes_to_know(tmp_path: Path) -> None:
    assert planned(settings(tmp_path, join_token="join-secret")).entrypoint == "python -m service.worker"


def test_our_jobs_are_known_again_and_no_others(tmp_path: Path) -> None:
    told = settings(tmp_path, ray_code="image")
    ours, again, theirs = (planned(told, owner=owner_of(token)) for token in ("join-secret", "join-secret", "another"))
    job = RayJob.model_validate({**ours.job("ray-a"), "status": "RUNNING"})
    assert (ours.owns(job), again.owns(job), theirs.owns(job)) == (True, True, False)
    assert "join-secret" not in json.dumps(ours.job("ray-a"))
    assert not ours.owns(RayJob(submission_id="ray-b", status="RUNNING"))


def test_the_code_travels_with_the_problems_and_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spiral.py").write_text("one = 1\n")
    package = tmp_path / "my_problems"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("two = 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    problems = (str(tmp_path / "spiral.py"), "my_problems.deep", "numpy", "not_here")
    packed = ray_package(problems)
    assert packed.problems == ("problems/0/spiral.py", "my_problems.deep", "numpy", "not_here")
    archive = zipfile.ZipFile(io.BytesIO(packed.content))
    names = set(archive.namelist())
    ours = {"service/worker/__main__.py", "sweeps/scheduler.py", "trainer/engine.py", "problems/0/spiral.py"}
    assert names >= ours | {"my_problems/__init__.py", "my_problems/deep.py"}
    assert not [name for name in names if "__pycache__" in name or name.startswith(("numpy", "tests"))]
    assert ray_package(problems).name == packed.name
    (package / "deep.py").write_text("two = 3\n")
    assert ray_package(problems).name != packed.name


def test_a_problem_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RAVINE_PROBLEMS: .*none.py cannot be read"):
        ray_package((str(tmp_path / "none.py"),))
