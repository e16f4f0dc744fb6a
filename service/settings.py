"""Every environment variable that Ravine reads, in one place. `RAVINE_<FIELD>` sets the field of that name."""

import os
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from service.errors import ConfigurationError
from service.starting.http_url import HttpUrl
from service.starting.secret_files import make_join_token, plain_secret, secret_in


class _UserToken(BaseSettings):
    """The secret that users show, as a value or in a file."""

    token: SecretStr | None = None
    token_file: Path | None = None

    def user_token(self) -> str | None:
        """The user token, from the environment or its file."""
        if self.token is not None:
            return plain_secret(self.token.get_secret_value(), where="RAVINE_TOKEN: it")
        if self.token_file is not None:
            return secret_in(self.token_file, variable="RAVINE_TOKEN_FILE")
        return None


def _split(value: object) -> object:
    """Names with commas between them."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
ExecutorName: TypeAlias = Literal["local", "ray", "external"]
NumSlots: TypeAlias = Annotated[int, Field(ge=1, le=1024)]
DEFAULT_SLOTS = 32
Kind = TypeVar("Kind", bound=BaseSettings)
NOT_INHERITED = ("RAVINE_", "RAY_AUTH_TOKEN")


class _JoinToken(BaseSettings):
    """The secret with which workers introduce themselves, as a value or in a file."""

    home: Path = Path(".ravine")
    join_token: SecretStr | None = None
    join_token_file: Path | None = None

    @property
    def join_token_path(self) -> Path:
        """Where the join token lies when it is not given as a value."""
        return self.join_token_file or self.home.absolute() / "join-token"

    def shared_join_token(self) -> str:
        """The join token, from the environment or its file. Raises ConfigurationError."""
        if self.join_token is not None:
            return plain_secret(self.join_token.get_secret_value(), where="RAVINE_JOIN_TOKEN: it")
        return secret_in(self.join_token_path, variable="RAVINE_JOIN_TOKEN_FILE")

    def own_join_token(self) -> str:
        """The same for the service, which makes the file where there is none. Raises ConfigurationError."""
        if self.join_token is None and not self.join_token_path.exists():
            return make_join_token(self.join_token_path)
        return self.shared_join_token()


class RaySettings(BaseSettings):
    """The Ray cluster, by the names that Ray itself gives these variables."""

    model_config = SettingsConfigDict(env_prefix="", env_ignore_empty=True, extra="ignore")

    ray_address: str | None = None
    ray_auth_token: SecretStr | None = None
    ray_auth_token_path: Path | None = None

    def auth_token(self) -> str | None:
        """The token that Ray asks for. Raises ConfigurationError."""
        if self.ray_auth_token is not None:
            return plain_secret(self.ray_auth_token.get_secret_value(), where="RAY_AUTH_TOKEN: it")
        return secret_in(self.ray_auth_token_path, variable="RAY_AUTH_TOKEN_PATH") if self.ray_auth_token_path else None


class Settings(_UserToken, _JoinToken):
    """What the service is told by its environment.

    home: the folder with all state. port, host: where the API listens. mlflow_port: where the embedded MLflow UI
    listens. mlflow_uri: an MLflow elsewhere (none is started then); mlflow_public_url: where a person finds its UI,
    if elsewhere. database_url: SQLite under home when not set. database_password(_file): its password, when
    the URL has none. token, token_file: the user token; without one user routes are open, on loopback only. join_token,
    join_token_file: the secret with which workers introduce themselves; made at first start when neither is set.
    executor: local, ray, or external when workers come by themselves. workers: how many local workers (0: one per core
    or GPU), or how many on Ray at most (0: as many as the cluster holds). slots: how many trials a worker that
    is started here trains at a time at most. worker_cpus, worker_gpus: what one worker on Ray holds. ray_code: upload
    sends this code and the problems to Ray's nodes, image finds them there. idle_seconds: after so long without work a
    worker on Ray leaves. url: where workers call, when that is not where the API listens. allowed_hosts: further names
    under which the API may be called. problems: files or modules with plugins, for workers that are started here.
    recorder: off leaves MLflow out altogether (benchmarks). max_upload_mb: the largest data set that is taken, in
    MiB. upload_memory_mb, upload_seconds: what its import may use, in MiB of memory and seconds of processor time.
    pulse_file: touched while the recorder works, for health checks.
    """

    model_config = SettingsConfigDict(env_prefix="RAVINE_", env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    mlflow_port: int = Field(default=5000, ge=0, le=65535)
    mlflow_uri: HttpUrl | None = None
    mlflow_public_url: HttpUrl | None = None
    database_url: str | None = None
    database_password: SecretStr | None = None
    database_password_file: Path | None = None
    executor: ExecutorName = "local"
    workers: int = Field(default=0, ge=0, le=4096)
    slots: NumSlots = DEFAULT_SLOTS
    worker_cpus: float = Field(default=1, gt=0, le=1024)
    worker_gpus: float = Field(default=0, ge=0, le=64)
    ray_code: Literal["upload", "image"] = "upload"
    idle_seconds: float = Field(default=60, gt=0)
    url: HttpUrl | None = None
    allowed_hosts: Names = ()
    problems: Names = ()
    recorder: bool = True
    max_upload_mb: int = Field(default=512, ge=1, le=2**20)
    upload_memory_mb: int = Field(default=1024, ge=512, le=2**30)
    upload_seconds: int = Field(default=60, ge=1, le=86_400)
    pulse_file: Path | None = None
    lifeline_fd: int | None = None

    @property
    def database(self) -> str:
        """The URL of the database, its password included."""
        if self.database_url is None:
            return f"sqlite:///{self.home.absolute() / 'ravine.db'}"
        password = self._database_password()
        try:
            url = urlsplit(self.database_url)
        except ValueError:
            return self.database_url  # whoever opens it says what is wrong
        user, at, place = url.netloc.rpartition("@")
        if password is None or not at or ":" in user:
            return self.database_url
        return url._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()

    @property
    def local_url(self) -> str:
        """Where programs of this machine call the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def worker_url(self) -> str:
        """Where workers call the API."""
        return self.url or self.local_url

    @property
    def mlflow_server(self) -> str:
        """Where programs call the MLflow server."""
        return self.mlflow_uri or f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def mlflow_url(self) -> str:
        """Where a person finds the MLflow UI."""
        return self.mlflow_public_url or self.mlflow_server

    @property
    def mlflow_folder(self) -> Path:
        """Where the embedded MLflow has its database (mlflow.db) and its artifacts."""
        return self.home.absolute() / "mlflow"

    @property
    def files_folder(self) -> Path:
        """Where checkpoints and weights lie."""
        return self.home.absolute() / "files"

    def _database_password(self) -> str | None:
        if self.database_password is not None:
            return self.database_password.get_secret_value()
        path = self.database_password_file
        return secret_in(path, variable="RAVINE_DATABASE_PASSWORD_FILE") if path else None


class WorkerSettings(_JoinToken):
    """What a worker is told by its environment.

    slots: how many trials it trains at a time at most, as rows of stacked models; what is not stacked comes one by one.
    threads: of its training. device: where it trains, as torch names it. nice: how much its child stands back.
    problems: files or modules with plugins, besides those of installed packages. idle_seconds: after so long without
    work it leaves; never when not set. pulse_file: touched while it works, for health checks. lifeline_fd: a pipe whose
    closing tells that the supervisor is gone.
    """

    model_config = SettingsConfigDict(env_prefix="RAVINE_", env_ignore_empty=True, extra="ignore")

    url: HttpUrl = "http://127.0.0.1:8000"
    worker_id: str | None = None
    executor: ExecutorName = "external"
    slots: NumSlots = DEFAULT_SLOTS
    threads: int = Field(default=1, ge=1)
    device: str = "cpu"
    nice: int = Field(default=0, ge=0, le=19)
    problems: Names = ()
    idle_seconds: float | None = Field(default=None, gt=0)
    pulse_file: Path | None = None
    lifeline_fd: int | None = None


class ClientSettings(_UserToken):
    """What the command line is told by its environment. url: not set means the service that lives in home."""

    model_config = SettingsConfigDict(env_prefix="RAVINE_", env_ignore_empty=True, extra="ignore")

    home: Path = Path(".ravine")
    url: HttpUrl | None = None


def load() -> Settings:
    """The settings of this process. Raises ConfigurationError naming the variable that is wrong."""
    settings = loaded(Settings)
    loopback = settings.host in ("127.0.0.1", "localhost", "::1")
    if not loopback and settings.user_token() is None:
        raise ConfigurationError(f"RAVINE_HOST is {settings.host} and there is no token: set RAVINE_TOKEN first.")
    return settings


def loaded(kind: type[Kind]) -> Kind:
    """Settings of this kind from the environment. Raises ConfigurationError naming the variable that is wrong."""
    try:
        return kind()
    except SettingsError as error:
        raise ConfigurationError(f"{error}; see the table of settings in README.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{kind.model_config['env_prefix']}{first['loc'][0]}".upper()
        what = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name}: {what}; see the table of settings in README.") from error


def inherited() -> dict[str, str]:
    """The environment of this process without Ravine's own variables and Ray's token: what a child may start from."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}


def with_variables(**values: str | int | Path) -> dict[str, str]:
    """The environment of this process with these variables (named without RAVINE_, in small letters) over it."""
    return {**os.environ, **{f"RAVINE_{name.upper()}": str(value) for name, value in values.items()}}
