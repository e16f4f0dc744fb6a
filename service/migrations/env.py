"""How Alembic reaches the database: by the connection, and in the transaction, that `service.migrating` gives it."""

from alembic import context

from service.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
