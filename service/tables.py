"""The tables: the one truth about sweeps. Times are seconds since 1970 (UTC), on the database's clock."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

Json = JSON(none_as_null=True)

# SQLite only gives ids by itself to a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

# Which coordinator may write: every transaction checks the epoch (one row).
owner = Table(
    "owner",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("taken_at", Float, nullable=False),
)

sweep = Table(
    "sweep",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("position", Id, nullable=False, unique=True),  # order of creation: pages go by it
    Column("name", String(200), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("reason", Text),
    Column("spec", Json, nullable=False),
    Column("budget_trials", Integer, nullable=False),
    Column("budget_seconds", Float),
    Column("seconds_spent", Float, nullable=False, default=0.0),  # up to the last change of state
    Column("running_since", Float),
    Column("trials_finished", Integer, nullable=False, default=0),
    Column("failed_trials", Integer, nullable=False, default=0),
    Column("consecutive_failures", Integer, nullable=False, default=0),
    Column("best_number", Integer),
    Column("best_value", Float),
    Column("study_attrs", Json, nullable=False),
    Column("range_test", Json),  # the curve and the bounds of `learning_rate: auto`; null until it is done
    Column("export", Json),  # the winner as a file that runs without Ravine; null until the sweep ends
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
)

trial = Table(
    "trial",
    metadata,
    Column("sweep_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(12), nullable=False),
    Column("settings", Json, nullable=False),
    Column("value", Float),
    Column("best_epoch", Integer),
    Column("seed", BigInteger, nullable=False),
    Column("num_epochs", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("blamed_attempts", Integer, nullable=False, default=0),  # those that count towards limits.attempts
    Column("outside_deaths", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),  # training time of ended attempts
    Column("engine", String(12)),
    Column("worker", String(100)),
    Column("reason", Text),
    Column("checkpoint", Json),
    Column("weights", Json),
    Column("attrs", Json, nullable=False),
    Column("tell_number", Integer),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("trial_by_state", "sweep_id", "state", "number"),
)

# The engine of each group of trials that can be stacked, as its probe found it; what is chosen by hand is in `spec`.
engines = Table(
    "engines",
    metadata,
    Column("sweep_id", String(40), primary_key=True),
    Column("group_id", String(16), primary_key=True),
    Column("engine", String(12), nullable=False),
    Column("width", Integer, nullable=False),
    Column("serial_us", Float),  # an update of one row, in microseconds
    Column("fused_us", Float),
    Column("gain", Float),
    Column("reason", Text),  # why it is serial
    Column("traits", Json, nullable=False),  # what its trials have in common
    Column("decided_at", Float, nullable=False),
)

# The id is the fence: a later attempt has a higher one.
attempt = Table(
    "attempt",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("sweep_id", String(40), nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker_id", String(100), nullable=False),
    Column("answer_number", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # HELD, PAUSING, STOPPING, ENDED
    Column("started", Boolean, nullable=False, default=False),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("how", Text),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    Index("attempt_by_worker", "worker_id", "state"),
    Index("attempt_by_trial", "sweep_id", "number"),
    Index("attempt_by_sweep", "sweep_id", "state"),
)

epoch = Table(
    "epoch",
    metadata,
    Column("sweep_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("metrics", Json, nullable=False),
    Column("at", Float, nullable=False),
)

# Narrow and append-only: SSE and the recorder read it in the order of ids; the facts stay in their tables.
event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("sweep_id", String(40), nullable=False),
    Column("kind", String(16), nullable=False),  # sweep.state, sweep.export, trial.state, epoch, best, sweep.deleted
    Column("number", Integer),
    Column("epoch", Integer),
    Column("state", String(12)),
    Column("at", Float, nullable=False),
    Index("event_by_sweep", "sweep_id", "id"),
    sqlite_autoincrement=True,  # ids are never given twice, even after a sweep was deleted
)

worker = Table(
    "worker",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("executor", String(12), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("device", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("token_hash", String(64), nullable=False),
    Column("state", String(10), nullable=False),  # ALIVE, BENCHED, GONE
    Column("lease_until", Float, nullable=False),
    Column("request_number", Integer, nullable=False, default=0),
    Column("answer", Json),
    Column("failed_row", Json, nullable=False),  # the latest trials that died here, one after the other
    Column("problems", Json, nullable=False),  # the digests of the plugins that it can train
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
)

# Uploaded data: the file is named by its content, two names may share one.
dataset = Table(
    "dataset",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("position", Id, nullable=False, unique=True),  # order of creation: pages go by it
    Column("file", Json, nullable=False),
    Column("facts", Json, nullable=False),
    Column("report", Json, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Plugins that workers have announced, by the hash of their source (one may hold several) and their name: the latest
# one of a name is taken by new sweeps.
plugin = Table(
    "plugin",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(200), primary_key=True, index=True),
    Column("facts", Json, nullable=False),
    Column("seen_at", Float, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("sweep_id", String(40), nullable=False),
    Column("created_at", Float, nullable=False),
)

# What the recorder did: its place in the event table, and the MLflow run of each sweep (number -1) and trial.
recorder = Table(
    "recorder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_id", Id, nullable=False),
)

mlflow_run = Table(
    "mlflow_run",
    metadata,
    Column("sweep_id", String(40), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("experiment_id", String(64)),
    Column("run_id", String(64)),  # None: the intent to create it is stored, the run itself may exist or not
    Column("model_name", String(255)),  # of a parent: the registered model that holds the winner
    Column("model_version", String(64)),
)
