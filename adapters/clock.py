"""The clock of this machine."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, in UTC. Replicas that share work need one clock between them: the database's."""
    return datetime.now(UTC)
