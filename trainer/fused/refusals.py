"""Why rows of a user's own model could not be computed side by side, in words that help its author."""

from traceback import walk_tb
from types import FrameType

from trainer.own.discovery import blamed_line

COUNTED = (
    "use nn.Dropout, which Ravine counts for every trial, or draw them once when the model is made; other draws, "
    "torch's too, train serial"
)
"""What mends random numbers in a forward pass."""

_REFUSALS = (
    (
        "randomness error mode",
        "draws random numbers of its own",
        COUNTED,
    ),
    (
        "data-dependent control flow",
        "decides by the values in a tensor (if, while, assert)",
        "use torch.where, which decides for every row",
    ),
    (
        "calling .item()",
        "reads a number out of a tensor (.item(), float(), int())",
        "compute with tensors; give BatchNorm a momentum",
    ),
    (
        "dynamic shape",
        "makes a tensor whose shape depends on values (x[mask], nonzero, unique)",
        "multiply with the mask, or use torch.where",
    ),
    (
        "inplace arithmetic",
        "writes into a tensor that all rows would share",
        "make a new tensor, or keep it in a buffer (register_buffer)",
    ),
    (
        "doesn't match the broadcast shape",
        "writes into a tensor that all rows would share",
        "make a new tensor, or keep it in a buffer (register_buffer)",
    ),
    (
        "data pointer of Tensor",
        "takes the values out of a tensor (.numpy(), .tolist())",
        "compute with tensors",
    ),
    ("`data`", "uses .data of a tensor", "use .detach()"),
    ("Batching rule not implemented", "uses an operation that torch cannot map over rows", "choose another layer"),
)
"""A part of what torch.vmap says, what it found, and what its author can do."""


def refusal(error: Exception, *, name: str) -> str:
    """What was found where, and the mend, for the problem of this name."""
    places = [place for place in (_operation(error), blamed_line(error, name=name)) if place is not None]
    where = f" ({', '.join(places)})" if places else ""
    text = str(error)
    for words, found, mend in _REFUSALS:
        if words in text:
            return f"{found}{where}: {mend}"
    first_line = text.partition("\n")[0]
    mend = "write it with operations that torch.vmap can map over rows"
    return f"raises {type(error).__name__} beside other rows{where}, {first_line.rstrip('.: ')}: {mend}"


def _operation(error: Exception) -> str | None:
    """The last function or layer of torch.nn that the error came through: `torch.nn.functional.dropout`."""
    names = [_name_in_torch(frame) for frame, _ in walk_tb(error.__traceback__)]
    return next((name for name in reversed(names) if name is not None), None)


def _name_in_torch(frame: FrameType) -> str | None:
    module, owner = frame.f_globals.get("__name__", ""), frame.f_locals.get("self")
    if module == "torch.nn.functional":
        return f"torch.nn.functional.{frame.f_code.co_name}"
    if module.startswith("torch.nn.modules.") and frame.f_code.co_name == "forward" and "container" not in module:
        return f"torch.nn.{type(owner).__name__}"
    return None
