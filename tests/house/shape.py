"""R2, R5, R8, R9, R10: names, excepts, arguments, sizes, docstrings."""

import ast
import re
from collections.abc import Iterator

from tests.house.source import Function, Source

MOST_FUNCTION_LINES = 40
MOST_FILE_LINES = 250
MOST_ARGUMENTS = 5
ROOMLESS = re.compile(r"(^|_)(utils?|helpers?|common|managers?|base)$")
RECEIVERS = ("self", "cls")
TRANSACTIONS = ("Connection", "Desk")  # what holds a transaction is a receiver too, like self
FRAMEWORK_DECORATORS = ("command", "callback", "get", "post", "put", "delete", "field_validator", "model_validator")


def roomless_names(source: Source) -> Iterator[str]:
    """Files whose name says nothing."""
    if any(ROOMLESS.search(part) for part in source.module.split(".")):
        yield f"{source.path}: a noun is missing"


def broad_excepts(source: Source) -> Iterator[str]:
    """Handlers of Exception, BaseException, or anything, that do not end by raising it again."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or (node.type is not None and not _is_broad(node.type)):
            continue
        last = node.body[-1]
        if not (isinstance(last, ast.Raise) and last.exc is None):
            yield f"{source.path}:{node.lineno}"


def _is_broad(kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(one, ast.Name) and one.id in ("Exception", "BaseException") for one in kinds)


def long_functions(source: Source) -> Iterator[str]:
    """Functions longer than can be seen at once, as path::name."""
    for name, function in source.functions():
        assert function.end_lineno is not None
        if function.end_lineno - function.lineno + 1 > MOST_FUNCTION_LINES:
            yield f"{source.path}::{name}"


def long_files(source: Source) -> Iterator[str]:
    """Files with more than one idea, as their path."""
    if source.text.count("\n") > MOST_FILE_LINES:
        yield source.path


def crowded_functions(source: Source) -> Iterator[str]:
    """Functions with too many arguments, as path::name; what a framework calls (a command, a route) is its matter."""
    for name, function in source.functions():
        if not _has_decorator(function, names=FRAMEWORK_DECORATORS) and len(_arguments(function)) > MOST_ARGUMENTS:
            yield f"{source.path}::{name}"


def positional_functions(source: Source) -> Iterator[str]:
    """Public functions with more than one positional argument, as path::name.

    What holds a transaction counts as a receiver, like self. Dunder methods have the signatures that Python gives them,
    functions in functions those of their callers.
    """
    for name, function in source.functions():
        public = all(part[0] != "_" for part in name.split(".")) and not _is_nested(name)
        if public and not _has_decorator(function, names=FRAMEWORK_DECORATORS) and len(_positional(function)) > 1:
            yield f"{source.path}::{name}"


def positional_booleans(source: Source) -> Iterator[str]:
    """Arguments that would make a call read `f(x, True)`."""
    for name, function in source.functions():
        for argument in _positional(function):
            if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool":
                yield f"{source.path}::{name} takes {argument.arg} by position"


def _is_nested(name: str) -> bool:
    return "." in name and name.split(".")[0][0].islower()


def _arguments(function: Function) -> list[ast.arg]:
    return _positional(function) + function.args.kwonlyargs


def _positional(function: Function) -> list[ast.arg]:
    arguments = function.args.posonlyargs + function.args.args
    return [argument for number, argument in enumerate(arguments) if number > 0 or not _is_receiver(argument)]


def _is_receiver(argument: ast.arg) -> bool:
    kind = argument.annotation
    return argument.arg in RECEIVERS or (isinstance(kind, ast.Name) and kind.id in TRANSACTIONS)


def _has_decorator(function: Function, *, names: tuple[str, ...]) -> bool:
    called = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any((one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "")) in names for one in called)


def undocumented(source: Source) -> Iterator[str]:
    """Public modules, classes and functions without a docstring."""
    if source.text.strip() and ast.get_docstring(source.tree) is None:
        yield f"{source.path} says nothing of itself"
    yield from _undocumented(source.tree, where=source.path)


def _undocumented(node: ast.Module | ast.ClassDef, *, where: str) -> Iterator[str]:
    for child in node.body:
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        if ast.get_docstring(child) is None and not _is_setter(child):
            yield f"{where}:{child.lineno} {child.name} says nothing of itself"
        if isinstance(child, ast.ClassDef):
            yield from _undocumented(child, where=where)


def _is_setter(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _has_decorator(
        node, names=("setter", "overload")
    )
