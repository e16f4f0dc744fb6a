"""A plugin's model, checked before it is trained."""

from torch import nn

from trainer.errors import ProblemError
from trainer.models.dropout import with_counted_dropout


def checked_model(model: object, *, name: str) -> nn.Module:
    """The author's model with counted dropout; ProblemError where there is nothing in it that can be trained."""
    made = f"{name}: model made {type(model).__name__}"
    if not isinstance(model, nn.Module):
        raise ProblemError(f"{made}; return a torch.nn.Module with parameters")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ProblemError(f"{made} without a parameter to train; leave requires_grad true for at least one")
    _check_ties(model, made=made)
    return with_counted_dropout(model)


def _check_ties(model: nn.Module, *, made: str) -> None:
    """Parameters that share memory without being one would part at the first update."""
    owners: dict[int, str] = {}
    for name, parameter in model.named_parameters():
        owner = owners.setdefault(parameter.data_ptr(), name) if parameter.numel() else name
        if owner != name:
            raise ProblemError(
                f"{made} in which {owner} and {name} share their memory but are two parameters; to tie them make them "
                "one: second.weight = first.weight"
            )
