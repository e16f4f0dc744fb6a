"""What docker-compose.yml promises of every service, read without an engine."""

import re
from typing import Any

import pytest
import yaml

from tests.house.source import ROOT

FILE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = sorted(set(SERVICES) - {"postgres"})
PROFILES = {"worker-gpu": ["gpu"], "ray-head": ["ray"], "ray-node": ["ray"]}
USER_CODE = ("worker", "worker-gpu", "ray-node")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid"}


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_tag(name: str) -> None:
    image = SERVICES[name]["image"].removeprefix("${RAVINE_IMAGE:-").removesuffix("}")
    assert re.fullmatch(r"[a-z]+:[0-9][\w.-]*", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_published_is_on_loopback(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert bool(SERVICES[name].get("ports")) == (name in ("api", "mlflow"))


@pytest.mark.parametrize("name", USER_CODE)
def test_user_code_is_not_in_the_network_of_the_data(name: str) -> None:
    strangers = ("postgres", "mlflow", "recorder")
    assert not any(set(SERVICES[name]["networks"]) & set(SERVICES[one]["networks"]) for one in strangers)
    assert "volumes" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_but_mlflow_waits_for_mlflow(name: str) -> None:
    assert "mlflow" not in SERVICES[name].get("depends_on", {})


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_starts_before_what_it_needs_is_well(name: str) -> None:
    awaited = {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}
    done = {"migrate": "service_completed_successfully"}
    assert awaited == {other: done.get(other, "service_healthy") for other in awaited}
    assert bool(awaited) == (name not in ("postgres", "ray-head"))


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "api"}))
def test_what_dies_starts_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_an_api_that_was_superseded_rests_and_one_that_was_stopped_may_come_back() -> None:
    assert SERVICES["api"]["restart"] == "on-failure"
    assert " --superseded-exit 0 --stopped-exit 143" in " ".join(SERVICES["api"]["command"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_what_lasts_says_whether_it_is_well(name: str) -> None:
    assert {"test", "interval", "timeout", "retries", "start_period"} == SERVICES[name]["healthcheck"].keys()


@pytest.mark.parametrize("name", [*USER_CODE, "ray-head", "postgres"])
def test_there_is_shared_memory_for_more_than_the_default(name: str) -> None:
    assert SERVICES[name]["shm_size"] in ("256m", "1g")


def test_migrations_run_once() -> None:
    assert (SERVICES["migrate"]["command"], SERVICES["migrate"]["restart"]) == (["ravine", "migrate"], "no")


@pytest.mark.parametrize("name", OURS)
def test_workers_have_the_time_for_their_checkpoints(name: str) -> None:
    assert SERVICES[name]["stop_grace_period"] == "30s"


def test_profiles() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == PROFILES


def test_older_composes_know_every_word_of_it() -> None:
    assert {word for word in FILE if not word.startswith("x-")} == {"services", "volumes", "networks"}


def test_the_dockerfile_has_stages_an_index_for_torch_and_no_buildkit() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--mount" not in dockerfile
    assert "<<" not in dockerfile
    *before, last = re.findall(r"^FROM (\S+)(?: AS \w+)?$", dockerfile, re.MULTILINE)
    assert (before[0], last) == ("python:3.11-slim-bookworm",) * 2, "what builds does not stay in the image"
    assert '--extra-index-url "$TORCH_INDEX_URL" torch' in dockerfile
    assert re.findall(r"^USER (\w+)$", dockerfile, re.MULTILINE) == ["ravine"]
