"""Every environment variable that Ravine reads, in one place. `RAVINE_<FIELD>` sets the field of that name."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from service.errors import ConfigurationError


class _UserToken(BaseSettings):
    """The secret that users show, as a value or in a file."""

    token: SecretStr | None = None
    token_file: Path | None = None

    def user_token(self) -> str | None:
        """The user token, from the environment or its file."""
        if self.token is not None:
            return self.token.get_secret_value()
        if self.token_file is not None:
            return _secret(self.token_file, variable="RAVINE_TOKEN_FILE")
        return None


def _split(value: object) -> object:
    """Names with commas between them."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(_UserToken):
    """What the service is told by its environment.

    home: the folder with all state. port, host: where the API listens. mlflow_port: where the embedded MLflow UI
    listens. mlflow_uri: an MLflow elsewhere (none is started then). database_url: SQLite under home when not set.
    token, token_file: the user token; without one user routes are open, on loopback only. join_token_file: the secret
    with which workers introduce themselves; made at first start. workers: how many local workers; 0: one per core or
    GPU. executor: local, or external when workers come by themselves. allowed_hosts: further names under which the API
    may be called. problems: files or modules with plugins, for local workers. recorder: off leaves MLflow out
    altogether (benchmarks). max_upload_mb: the largest data set that is taken, in MiB. upload_memory_mb,
    upload_seconds: what its import may use, in MiB of memory and seconds of processor time.
    """

    model_config = SettingsConfigDict(env_prefix="RAVINE_", extra="ignore")

    home: Path = Path(".ravine")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    mlflow_port: int = Field(default=5000, ge=0, le=65535)
    mlflow_uri: str | None = None
    database_url: str | None = None
    join_token_file: Path | None = None
    workers: int = Field(default=0, ge=0, le=1024)
    executor: Literal["local", "external"] = "local"
    allowed_hosts: Names = ()
    problems: Names = ()
    recorder: bool = True
    max_upload_mb: int = Field(default=512, ge=1, le=2**20)
    upload_memory_mb: int = Field(default=1024, ge=512, le=2**30)
    upload_seconds: int = Field(default=60, ge=1, le=86_400)
    lifeline_fd: int | None = None

    @property
    def database(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'ravine.db'}"

    @property
    def local_url(self) -> str:
        """Where programs of this machine call the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def mlflow_url(self) -> str:
        """Where a person finds the MLflow UI."""
        return self.mlflow_uri or f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def mlflow_folder(self) -> Path:
        """Where the embedded MLflow has its database (mlflow.db) and its artifacts."""
        return self.home.absolute() / "mlflow"

    @property
    def files_folder(self) -> Path:
        """Where checkpoints and weights lie."""
        return self.home.absolute() / "files"

    @property
    def join_token_path(self) -> Path:
        """Where the join token lies."""
        return self.join_token_file or self.home.absolute() / "join-token"


class WorkerSettings(BaseSettings):
    """What a worker is told by its environment.

    threads: of one training. device: where it trains, as torch names it. nice: how much its child stands back.
    problems: files or modules with plugins, besides those of installed packages. lifeline_fd: a pipe whose closing
    tells that the supervisor is gone.
    """

    model_config = SettingsConfigDict(env_prefix="RAVINE_", extra="ignore")

    home: Path = Path(".ravine")
    url: str = "http://127.0.0.1:8000"
    join_token_file: Path | None = None
    worker_id: str | None = None
    executor: Literal["local", "external"] = "external"
    threads: int = Field(default=1, ge=1)
    device: str = "cpu"
    nice: int = Field(default=0, ge=0, le=19)
    problems: Names = ()
    lifeline_fd: int | None = None

    def join_token(self) -> str:
        """The secret that opens hello."""
        path = self.join_token_file or self.home.absolute() / "join-token"
        return _secret(path, variable="RAVINE_JOIN_TOKEN_FILE")


class ClientSettings(_UserToken):
    """What the command line is told by its environment. url: not set means the service that lives in home."""

    model_config = SettingsConfigDict(env_prefix="RAVINE_", extra="ignore")

    home: Path = Path(".ravine")
    url: str | None = None


def load() -> Settings:
    """The settings of this process. Raises ConfigurationError naming the variable that is wrong."""
    try:
        settings = Settings()
    except SettingsError as error:
        raise ConfigurationError(f"{error}; see the table of settings in README.") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = "RAVINE_" + str(first["loc"][0]).upper()
        raise ConfigurationError(f"{name}: {first['msg']}; see the table of settings in README.") from error
    loopback = settings.host in ("127.0.0.1", "localhost", "::1")
    if not loopback and settings.user_token() is None:
        raise ConfigurationError(f"RAVINE_HOST is {settings.host} and there is no token: set RAVINE_TOKEN first.")
    return settings


def make_join_token(path: Path) -> str:
    """The join token at `path`; made there, readable by its owner alone, when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="join-token-") as file:  # readable by us alone
        file.write(secrets.token_urlsafe(32))
        file.flush()
        with suppress(FileExistsError):  # linked when it is whole: nobody ever reads half a token
            os.link(file.name, path)
    return _secret(path, variable="RAVINE_JOIN_TOKEN_FILE")


def inherited() -> dict[str, str]:
    """The environment of this process without Ravine's own variables: what a child may start from."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAVINE_")}


def with_variables(**values: str | int | Path) -> dict[str, str]:
    """The environment of this process with these variables (named without RAVINE_, in small letters) over it."""
    return {**os.environ, **{f"RAVINE_{name.upper()}": str(value) for name, value in values.items()}}


def _secret(path: Path, *, variable: str) -> str:
    try:
        secret = path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{variable}: {path} cannot be read ({error.strerror}).") from error
    if not secret:
        raise ConfigurationError(f"{variable}: {path} is empty.")
    return secret
