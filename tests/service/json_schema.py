"""Whether a JSON value is as a schema says: the words of JSON Schema that our OpenAPI document uses, and no others."""

import re
from collections.abc import Callable, Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
SAID_ELSEWHERE = {"title", "description", "default", "discriminator", "format", "examples"}
BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
    "minProperties": lambda value, bound: len(value) >= bound,
    "maxProperties": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
    "enum": lambda value, bound: value in bound,
    "const": lambda value, bound: value == bound,
}


def faults(document: dict[str, Any], schema: dict[str, Any], value: Any, at: str = "") -> Iterator[str]:
    """Where the value is not as the schema, which may point into the document, says."""
    if "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        yield from faults(document, node, value, at)
        return
    if "type" in schema and not _is_of(schema["type"], value):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    for word, bound in schema.items():
        if not _holds(document, word, bound, value):
            yield f"{at}: {value!r} against {word} {bound!r}"
    if isinstance(value, dict):
        yield from _members(document, schema, value, at)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from faults(document, schema["items"], item, f"{at}[{index}]")


def _holds(document: dict[str, Any], word: str, bound: Any, value: Any) -> bool:
    if word in BOUNDS:
        return BOUNDS[word](value, bound)
    if word in ("anyOf", "oneOf"):
        return any(not any(faults(document, each, value)) for each in bound)
    assert word in SAID_ELSEWHERE | {"type", *PARTS}, word
    return True


PARTS = {"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "items"}


def _members(document: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, member in value.items():
        by_pattern = [each for pattern, each in patterns.items() if re.search(pattern, name)]
        others = schema.get("additionalProperties", True)
        if name in known or by_pattern:
            for each in [known[name]] if name in known else by_pattern:
                yield from faults(document, each, member, f"{at}.{name}")
        elif others is False:
            yield f"{at}.{name} is not known"
        elif isinstance(others, dict):
            yield from faults(document, others, member, f"{at}.{name}")
        if "propertyNames" in schema:
            yield from faults(document, schema["propertyNames"], name, f"{at} (name)")


def _is_of(name: str, value: Any) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
