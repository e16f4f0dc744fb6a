"""The engines of groups of trials"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the schema up by one step."""
    op.create_table(
        "engines",
        sa.Column("sweep_id", sa.String(length=40), nullable=False),
        sa.Column("group_id", sa.String(length=16), nullable=False),
        sa.Column("engine", sa.String(length=12), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("serial_us", sa.Float(), nullable=True),
        sa.Column("fused_us", sa.Float(), nullable=True),
        sa.Column("gain", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("traits", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("sweep_id", "group_id"),
    )


def downgrade() -> None:
    """Takes the step back."""
    op.drop_table("engines")
