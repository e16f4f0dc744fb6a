"""By which name the winner of a sweep is found in MLflow's registry. Pure."""

import re

ALIAS = "champion"


def model_name(sweep_name: str) -> str:
    """The name of a sweep's model: the sweep's own, without what a `models:/` address gives a meaning to."""
    return re.sub(r"""[/:@?#%'"`]|^\.+$""", "-", sweep_name)


def champion_uri(sweep_name: str) -> str:
    """What MLflow loads the winner by."""
    return f"models:/{model_name(sweep_name)}@{ALIAS}"
