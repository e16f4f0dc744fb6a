"""Real Ray nodes on this machine, each in processes of its own, on free ports, in a short folder of its own."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from service.supervision.ports import free_port

START_SECONDS = 120.0
POLL_SECONDS = 0.1
OBJECT_STORE_BYTES = 80_000_000  # Ray's least is 75 MiB; nothing of ours lies in it
LOOPBACK = "127.0.0.1"


class RayNode:
    """One `ray start --block` and all that runs under it, jobs included."""

    def __init__(self, arguments: list[str], *, environment: Mapping[str, str], log: Path) -> None:
        command = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--disable-usage-stats", *arguments]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )

    def processes(self) -> list[psutil.Process]:
        """All that lives of this node, jobs included."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def kill(self) -> None:
        """Ends it as the power fails: all at once, nothing is said to anybody."""
        victims = self.processes()
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        self._process.wait()
        psutil.wait_procs(victims, timeout=START_SECONDS)


class RayCluster:
    """A head whose API listens at `address`, and the nodes that joined it. `token` None: it asks for none."""

    def __init__(self, folder: Path, *, num_cpus: int, token: str | None, variables: Mapping[str, str]) -> None:
        self.token = token
        self._folder, self._num_cpus, self._variables = folder, num_cpus, variables
        self._port, self._api_port, self._client_port = (free_port() for _ in range(3))
        self.address = f"http://{LOOPBACK}:{self._api_port}"
        self.nodes: list[RayNode] = []
        self.head: RayNode | None = None
        self.start_head()

    @property
    def settings(self) -> dict[str, str]:
        """What Ravine is told of this cluster, as environment variables."""
        return {"RAY_ADDRESS": self.address, **({"RAY_AUTH_TOKEN": self.token} if self.token else {})}

    def start_head(self) -> None:
        """Starts the head; after a kill a new one at the same address, which knows nothing of the former."""
        arguments = ["--head", f"--port={self._port}", f"--ray-client-server-port={self._client_port}"]
        arguments += ["--include-dashboard=true", f"--dashboard-host={LOOPBACK}", f"--dashboard-port={self._api_port}"]
        self.head = self._start([*arguments, f"--temp-dir={self._folder}"], num_cpus=self._num_cpus)
        self._wait_for(lambda: len(self.living_nodes()) == 1)

    def add_node(self, *, num_cpus: int) -> RayNode:
        """One more node; answers when the head counts it among the living.

        In a folder of its own, as on a machine of its own: it would unpack our code where the head's worker has its
        working directory, and delete that first.
        """
        num_before = len(self.living_nodes())
        folder = f"--temp-dir={self._folder / f'n{len(self.nodes)}'}"
        node = self._start([f"--address={LOOPBACK}:{self._port}", folder], num_cpus=num_cpus)
        self._wait_for(lambda: len(self.living_nodes()) > num_before)
        return node

    def kill_head(self) -> None:
        """Ends the head as the power fails."""
        assert self.head is not None
        self.head.kill()
        self.head = None

    def living_nodes(self) -> list[dict[str, Any]]:
        """The nodes that the head believes to be alive; none while it is away."""
        try:
            answer = httpx.get(f"{self.address}/api/v0/nodes", headers=self._headers(), timeout=10)
        except httpx.TransportError:
            return []
        rows = answer.json()["data"]["result"]["result"] if answer.status_code == httpx.codes.OK else []
        return [row for row in rows if row["state"] == "ALIVE"]

    def jobs(self) -> dict[str, str]:
        """The state of each job, by its id."""
        answer = httpx.get(f"{self.address}/api/jobs/", headers=self._headers(), timeout=10)
        return {job["submission_id"]: job["status"] for job in answer.raise_for_status().json()}

    def stop(self) -> None:
        """Ends all of it."""
        for node in self.nodes:
            node.kill()

    def _start(self, arguments: list[str], *, num_cpus: int) -> RayNode:
        more = [f"--num-cpus={num_cpus}", "--num-gpus=0", f"--node-ip-address={LOOPBACK}"]
        more += ["--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={free_port()}"]
        more += [f"--object-store-memory={OBJECT_STORE_BYTES}", "--include-log-monitor=false"]
        node = RayNode([*arguments, *more], environment=self._environment(), log=self._folder / "nodes.log")
        self.nodes.append(node)
        return node

    def _environment(self) -> dict[str, str]:
        """Ours without what is said to Ravine and Ray, and with the `python` of this environment as the first."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("RAVINE_", "RAY_"))}
        mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token} if self.token else {"RAY_AUTH_MODE": "disabled"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**ours, **mode, "PATH": path, "OMP_NUM_THREADS": "1", **self._variables}

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _wait_for(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not done():
            assert time.monotonic() < deadline, (self._folder / "nodes.log").read_text()[-4000:]
            time.sleep(POLL_SECONDS)


@contextmanager
def ray_cluster(
    *, num_cpus: int = 2, asks_token: bool = True, variables: Mapping[str, str] | None = None
) -> Iterator[RayCluster]:
    """A head of `num_cpus`, whose jobs see `variables`; ended with all its nodes when the test is through with it."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # short: paths of Unix sockets end at 107 characters
    token = secrets.token_urlsafe(32) if asks_token else None
    cluster: RayCluster | None = None
    try:
        cluster = RayCluster(folder, num_cpus=num_cpus, token=token, variables=variables or {})
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
