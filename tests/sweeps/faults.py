"""What a sweep that cannot be is answered."""

from typing import Any

import pytest

from sweeps.checks import check_spec
from sweeps.wrong import InvalidSpec


def assert_named(raw: dict[str, Any], *, field: str, mend: str) -> None:
    """The first fault of a sweep on digits that says this names the field, says what is wrong, and how to mend it."""
    with pytest.raises(InvalidSpec) as caught:
        check_spec({"problem": {"dataset": "digits"}} | raw)
    fault = caught.value.errors[0]
    assert fault.field == field
    assert fault.message
    assert mend in fault.mend
