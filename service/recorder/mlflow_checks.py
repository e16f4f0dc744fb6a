"""What MLflow does not take, found before anything is written, by MLflow's own checks."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from mlflow.entities import Param, RunTag
from mlflow.utils.validation import (
    MAX_PARAM_VAL_LENGTH,
    MAX_TAG_VAL_LENGTH,
    _validate_metric,
    _validate_param,
    _validate_tag,
)

from service.recorder.delivery import Delivery
from service.recorder.mlflow_errors import translated


def checked(delivery: Delivery) -> Delivery:
    """The delivery as MLflow stores it: what is too long is cut where MLflow cuts it. Raises RunRefused."""
    with translated():
        for key in {point.key for point in delivery.points}:
            _check_metric(key)
        return replace(delivery, params=_params(delivery.params), tags=_tags(delivery.tags))


def _params(params: Mapping[str, str]) -> dict[str, str]:
    for key in params:
        _check_param(key)
    return {
        key: value if len(value) <= MAX_PARAM_VAL_LENGTH else str(_param(key, value).value)
        for key, value in params.items()
    }


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    for key in tags:
        _check_tag(key)
    return {
        key: value if len(value) <= MAX_TAG_VAL_LENGTH else str(_tag(key, value).value) for key, value in tags.items()
    }


def _param(key: str, value: str) -> Param:
    return _validate_param(key, value)  # type: ignore[no-untyped-call, no-any-return]  # MLflow has no types here


def _tag(key: str, value: str) -> RunTag:
    return _validate_tag(key, value)  # type: ignore[no-untyped-call, no-any-return]


# The same few names come with every run; one that is refused is looked at each time.
@cache
def _check_metric(key: str) -> None:
    _validate_metric(key, 0.0, 0, 0)  # type: ignore[no-untyped-call]


@cache
def _check_param(key: str) -> None:
    _param(key, "")


@cache
def _check_tag(key: str) -> None:
    _tag(key, "")
