"""The clock of this machine."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC. Replicas that share work use the database's clock instead."""
    return datetime.now(UTC)
