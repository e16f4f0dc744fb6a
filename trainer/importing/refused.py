"""Why an upload is not taken."""


class Refused(Exception):
    """An upload is not taken: `field` names the option (or `file`), and `mend` says what to do."""

    def __init__(self, field: str, *, message: str, mend: str) -> None:
        super().__init__(f"{field}: {message}; {mend}")
        self.field = field
        self.message = message
        self.mend = mend


def shown(text: object) -> str:
    """A name or value from an upload as a message can bear it: quoted, on one line, at most 60 characters."""
    said = str(text)
    return repr(said if len(said) <= 60 else said[:57] + "...")


def listed(names: list[str]) -> str:
    """Names for a message, the first ten of them."""
    rest = len(names) - 10
    return ", ".join(map(shown, names[:10])) + (f" and {rest} more" if rest > 0 else "")
