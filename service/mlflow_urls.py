"""Where a person finds a sweep in the MLflow UI."""

TRIALS_VIEW_KEY = "ravine"  # the saved view that the recorder gives to every experiment it makes


def run_url(base: str, *, experiment_id: str, run_id: str) -> str:
    """The page of one run."""
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"


def trials_url(base: str, *, experiment_id: str) -> str:
    """The table of all trials, with the columns that matter, the best first."""
    return f"{base}/#/experiments/{experiment_id}/runs?viewStateShareKey={TRIALS_VIEW_KEY}"
