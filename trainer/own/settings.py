"""A plugin's own settings: the keyword-only parameters of its function. Torch-free."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from trainer.settings import Setting

Kind: TypeAlias = type[bool] | type[int] | type[float] | type[str]

_KINDS: tuple[Kind, ...] = (bool, int, float, str)
_IN_WORDS: Mapping[Kind, str] = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


@dataclass(frozen=True)
class OwnSetting:
    """One setting: its type, its value where nothing is said, and a sentence."""

    kind: Kind
    default: Setting
    sentence: str


def own_settings(function: Callable[..., Any]) -> dict[str, OwnSetting]:
    """The settings of a function, by name; ValueError where a parameter cannot be one."""
    text = inspect.getdoc(function) or ""
    settings = {}
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.default is parameter.empty:
            raise ValueError(f"{name}: a setting is keyword-only and has a default: def ...(*, {name}: int = 1)")
        kind = type(parameter.default) if parameter.annotation is parameter.empty else parameter.annotation
        if kind not in _KINDS:
            raise ValueError(f"{name}: a setting is an int, float, bool or str, not {kind!r}")
        default = typed(parameter.default, kind=kind, path=name)
        settings[name] = OwnSetting(kind, default, _sentence(name, text=text) or f"{name} ({kind.__name__})")
    return settings


def chosen(settings: Mapping[str, OwnSetting], *, values: Mapping[str, Setting]) -> dict[str, Setting]:
    """A value for every setting: what `values` say, and the defaults; ValueError naming the setting that is wrong."""
    for name in values:
        if name not in settings:
            known = ", ".join(settings) or "it has none"
            raise ValueError(f"problem.{name}: the problem has no such setting of its own; known: {known}")
    given = {name: typed(value, kind=settings[name].kind, path=f"problem.{name}") for name, value in values.items()}
    return {name: given.get(name, setting.default) for name, setting in settings.items()}


def typed(value: object, *, kind: Kind, path: str) -> Setting:
    """The value as that type; an integer may stand for a number, nothing else for anything else."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{path}: {value!r} is not {_IN_WORDS[kind]}; give {_IN_WORDS[kind]}")
    assert isinstance(value, Setting)
    return value


def _sentence(name: str, *, text: str) -> str:
    """What follows `name:` (or `name (type):`, `:param name:`) at the beginning of a line of the docstring."""
    found = re.search(rf"^\s*(?::param\s+)?`*{re.escape(name)}`*\s*(?:\([^)]*\))?:[ \t]+(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else ""
