"""Uploaded data, plugins, range tests and exported winners"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the schema up by one step."""
    op.create_table(
        "dataset",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("position"),
    )
    op.create_table(
        "plugin",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "name"),
    )
    with op.batch_alter_table("plugin", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plugin_name"), ["name"], unique=False)
    with op.batch_alter_table("sweep", schema=None) as batch_op:
        batch_op.add_column(sa.Column("range_test", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("export", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.add_column(sa.Column("problems", sa.JSON(none_as_null=True), nullable=False, server_default="[]"))
    with op.batch_alter_table("mlflow_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("model_name", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("model_version", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Takes the step back."""
    with op.batch_alter_table("mlflow_run", schema=None) as batch_op:
        batch_op.drop_column("model_version")
        batch_op.drop_column("model_name")
    with op.batch_alter_table("worker", schema=None) as batch_op:
        batch_op.drop_column("problems")
    with op.batch_alter_table("sweep", schema=None) as batch_op:
        batch_op.drop_column("export")
        batch_op.drop_column("range_test")
    with op.batch_alter_table("plugin", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plugin_name"))
    op.drop_table("plugin")
    op.drop_table("dataset")
