"""MLflow's models behind faults: calls that fail, calls that come late, and a server that has no models."""

from http.server import BaseHTTPRequestHandler

from service.recorder.export_file import ExportedModel
from service.recorder.mlflow_errors import ArtifactsAway
from service.recorder.registry import Champion, Registry


class Faulty(Registry):
    """Fails at one call, before or after it was done."""

    fail_at, after, num_calls = -1, False, 0

    def version_of(self, champion: Champion) -> str | None:
        self._fault(after=False)
        found = super().version_of(champion)
        self._fault(after=True)
        return found

    def upload(self, champion: Champion, *, exported: ExportedModel) -> str:
        self._fault(after=False)
        model_id = super().upload(champion, exported=exported)
        self._fault(after=True)
        return model_id

    def register(self, champion: Champion, *, model_id: str) -> str:
        self._fault(after=False)
        version = super().register(champion, model_id=model_id)
        self._fault(after=True)
        return version

    def crown(self, champion: Champion, *, version: str) -> None:
        self._fault(after=False)
        super().crown(champion, version=version)
        self._fault(after=True)

    def _fault(self, *, after: bool) -> None:
        if after == self.after:
            self.num_calls += 1
            if self.num_calls == self.fail_at + 1:
                raise ArtifactsAway("lost")


class Frozen(Registry):
    """Carries out late, when the same was asked again and done, what it had not answered."""

    def upload(self, champion: Champion, *, exported: ExportedModel) -> str:
        model_id = super().upload(champion, exported=exported)
        self._client.create_logged_model(
            champion.experiment_id, name="late", source_run_id=champion.run_id, tags=champion.tags
        )
        return model_id

    def register(self, champion: Champion, *, model_id: str) -> str:
        version = super().register(champion, model_id=model_id)
        super().register(champion, model_id=model_id)
        return version


class Older(BaseHTTPRequestHandler):
    """An MLflow that knows experiments and no models."""

    knows_experiments = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        knows = self.knows_experiments and "experiments/search" in self.path
        body = b"{}" if knows else b"Not Found"
        self.send_response(200 if knows else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
