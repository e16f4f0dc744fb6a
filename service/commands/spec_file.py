"""Sweeps as people write them: JSON, or YAML 1.2, where `1e-4` is a number and `no` is a text."""

import json
import math
import re
from typing import Any

import yaml

from service.errors import ConfigurationError


class _Yaml12(yaml.SafeLoader):
    """PyYAML speaks YAML 1.1; these are the core schema's scalars instead (YAML 1.2.2, 10.3.2)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base class has it


def _int(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = node.value
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _float(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(re.sub(r"\.(?=inf|nan)", "", node.value.lower()))


SCALARS = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$", list("-+.0123456789")),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
)
for _name, _pattern, _first in SCALARS:
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), _first)
_Yaml12.add_constructor("tag:yaml.org,2002:int", _int)
_Yaml12.add_constructor("tag:yaml.org,2002:float", _float)


def read_spec(text: str, *, name: str) -> dict[str, Any]:
    """The sweep that a file asks for, unchecked. Raises ConfigurationError with `name` and the place that is wrong."""
    spec = _parsed(text, name=name)
    if not isinstance(spec, dict):
        raise ConfigurationError(f"{name}: a sweep is a mapping; begin with `problem: {{dataset: digits}}`.")
    if field := _not_finite(spec):
        raise ConfigurationError(f"{name}: {field} is not a finite number; write a finite one.")
    return spec


def _parsed(text: str, *, name: str) -> Any:
    try:
        return json.loads(text)  # JSON may be indented with tabs, YAML may not
    except ValueError:
        pass
    try:
        return yaml.load(text, Loader=_Yaml12)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigurationError(f"{name}{place}: {error.problem}; mend the YAML or JSON there.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name}: neither YAML nor JSON: {error}") from error


def _not_finite(value: Any, *, path: str = "") -> str | None:
    """The path of the first number that JSON cannot carry."""
    if isinstance(value, float) and not math.isfinite(value):
        return path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    paths = (_not_finite(inner, path=f"{path}.{key}".lstrip(".")) for key, inner in items)
    return next((found for found in paths if found), None)
