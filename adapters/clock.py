"""The clock of this machine."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC; work shared by processes uses the database's clock."""
    return datetime.now(UTC)
