"""How Alembic runs a migration: on the connection it is handed, in the transaction that is open."""

from alembic import context

from adapters.persistence.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
context.run_migrations()
