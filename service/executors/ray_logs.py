"""What our own jobs on Ray wrote; those of others on the same cluster are nobody's business here."""

from service.executors.ray_client import RayClient
from service.executors.ray_plan import is_owned


class RayLogs:
    """The logs of the jobs that this owner submitted."""

    def __init__(self, client: RayClient, *, owner: str) -> None:
        self._client, self._owner = client, owner

    def logs(self, job_id: str) -> str | None:
        """What a job has written so far; None when it is not there (any more), or another's. Raises RayTrouble."""
        self._client.look()
        job = self._client.job(job_id)
        return self._client.logs(job_id) if job is not None and is_owned(job, owner=self._owner) else None
