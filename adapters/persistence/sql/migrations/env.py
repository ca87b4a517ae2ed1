"""Run migrations on the given connection, in its open transaction."""

from alembic import context

from adapters.persistence.sql.tables import metadata
from adapters.persistence.sql.version_table import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
