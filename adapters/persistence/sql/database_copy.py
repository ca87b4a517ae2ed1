"""Which copy of the database answers: another one may lack what was committed last.

- When its server was started: this differs on a standby that was promoted, on a server that
  continues from a backup, and after any restart, which may have lost transactions that were
  committed without waiting for the disk.
- The database's number: it differs in a copy on the same server.
"""

from typing import Final

from sqlalchemy import Text, literal_column

THIS_COPY: Final = literal_column(
    "concat(extract(epoch FROM pg_postmaster_start_time()), '/',"
    " (SELECT oid FROM pg_database WHERE datname = current_database()))",
    Text,
)
"""Its form must stay, because it is stored with the positions in streams."""

ANSWERING_COPY: Final = literal_column(
    "concat(extract(epoch FROM pg_postmaster_start_time()), '/',"
    " pg_relation_filepath('database_identity'))",
    Text,
)
"""The same for what is only compared in this process: the path of a file contains the number of its
database, and PostgreSQL has it at hand, where THIS_COPY reads a catalog at every execution."""
