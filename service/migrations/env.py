"""How Alembic reaches the database: by the connection, in the transaction, that `database.migrating` gives it."""

from alembic import context

from service.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
