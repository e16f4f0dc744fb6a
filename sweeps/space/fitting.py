"""Whether a sweep fits what it trains: its data, its model, a plugin's own settings."""

from collections.abc import Iterator, Mapping

from sweeps.space.domains import MODEL, OWN, extremes, range_error
from sweeps.space.parameters import Parameter, Range
from sweeps.space.together import scaled_rate_errors
from sweeps.spec import SweepSpec, parameters_of
from sweeps.wrong import FieldError, one_of
from trainer.catalog import complete
from trainer.facts import ProblemFacts
from trainer.model_settings import MODEL_SETTINGS
from trainer.own.settings import Kind, typed


def check_data(spec: SweepSpec, *, facts: ProblemFacts) -> tuple[FieldError, ...]:
    """What is wrong with a checked spec for this problem."""
    parameters = parameters_of(spec, num_train=facts.num_train)
    return (
        *_batch_errors(spec, parameters, num_train=facts.num_train),
        *_scaling_errors(parameters, num_train=facts.num_train),
        *_model_errors(spec, parameters, facts=facts),
        *_own_errors(parameters, facts=facts),
    )


def _batch_errors(
    spec: SweepSpec, parameters: Mapping[str, Parameter], *, num_train: int | None
) -> Iterator[FieldError]:
    if num_train is None:
        return
    places: dict[str, Parameter] = {
        f"first[{index}].batch_size": first["batch_size"]
        for index, first in enumerate(spec.first)
        if not isinstance(first, str) and "batch_size" in first
    }
    if "batch_size" in parameters:
        places["space.batch_size"] = parameters["batch_size"]
    for field, parameter in places.items():
        sizes = [size for size in extremes(parameter) if not isinstance(size, str)]
        if sizes and max(sizes) > num_train:
            message = f"a batch of {max(sizes):g} is larger than the data, which has {num_train} training examples"
            yield FieldError(field, message, f"give at most {num_train}, or full for all of them in one batch")


def _scaling_errors(parameters: Mapping[str, Parameter], *, num_train: int | None) -> Iterator[FieldError]:
    if num_train is not None:
        yield from scaled_rate_errors(parameters, num_train=num_train)
    elif "batch_scaled_learning_rate" in parameters and "full" in extremes(parameters.get("batch_size", 1)):
        message = "full beside batch_scaled_learning_rate, and how many training examples there are is not known here"
        yield FieldError("space.batch_size", message, "give numbers, or search learning_rate")


def _model_errors(spec: SweepSpec, parameters: Mapping[str, Parameter], *, facts: ProblemFacts) -> Iterator[FieldError]:
    model = complete(spec.problem, facts=facts).model
    known = MODEL_SETTINGS[model.kind] if model is not None else {}
    for name in parameters:
        if not name.startswith(MODEL) or name in known:
            continue
        if model is None:
            yield FieldError(f"space.{name}", f"{facts.name} brings its own model", "leave it out")
        elif not known:
            yield FieldError(f"space.{name}", f"the model {model.kind} has no settings", "leave it out, or use mlp")
        else:
            yield FieldError(f"space.{name}", f"is no setting of the model {model.kind}", one_of(name, known=known))


def _own_errors(parameters: Mapping[str, Parameter], *, facts: ProblemFacts) -> Iterator[FieldError]:
    for name, parameter in parameters.items():
        if name.startswith(OWN) and name not in facts.settings:
            mend = one_of(name, known=facts.settings) if facts.settings else "leave it out: it has none"
            yield FieldError(f"space.{name}", f"{facts.name} has no such setting of its own", mend)
        elif (default := facts.defaults.get(name)) is not None:
            yield from _type_errors(name, parameter, kind=type(default))


def _type_errors(name: str, parameter: Parameter, *, kind: Kind) -> Iterator[FieldError]:
    if isinstance(parameter, Range):
        if (error := range_error(parameter, name=name, types={kind})) is not None:
            yield error
        return
    for value in extremes(parameter):
        try:
            typed(value, kind=kind, path=name)
        except ValueError as error:
            what, _, mend = str(error).removeprefix(f"{name}: ").partition("; ")
            yield FieldError(f"space.{name}", what, mend)
