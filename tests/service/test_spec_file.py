"""Sweeps as people write them."""

from pathlib import Path

import pytest

from service.commands.spec_file import read_spec
from service.errors import ConfigurationError
from sweeps.spec import SweepSpec

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("-3", -3),
        ("010", 10),
        ("0x10", 16),
        ("0o17", 15),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("", None),
        ("2026-01-02", "2026-01-02"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    read = read_spec(f"value: {text}", name="x")["value"]
    assert (read, type(read)) == (value, type(value))


def test_json_may_be_indented_with_tabs() -> None:
    assert read_spec('{\n\t"seed": 1\n}', name="x") == {"seed": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "x, line 1, column 6"),
        ("- 1", "x: a sweep is a mapping"),
        ("space: {a: [1, .inf]}", "x: space.a.1 is not a finite number"),
        ('{"a": NaN}', "x: a is not a finite number"),
        ("a: !!python/object:os.system {}", "x, line 1, column 4: could not determine a constructor"),
        ("a: \x00", "x: neither YAML nor JSON"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_spec(text, name="x")
    assert raised.value.detail.startswith(said)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_sweeps(path: Path) -> None:
    SweepSpec.model_validate(read_spec(path.read_text(encoding="utf-8"), name=path.name))
