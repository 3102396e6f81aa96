"""How Alembic runs here: on the connection, and in the transaction, that ``storage.upgrade`` hands it."""

from __future__ import annotations

from alembic import context

from storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot change a column in place; the table is rebuilt instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
