"""What every value of the contracts has in common. Torch-free."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: immutable, no unknown fields, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
