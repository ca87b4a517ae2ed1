"""Time and new identifiers come from outside, so that every run can be replayed."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""The current time, timezone-aware and in UTC; one clock for all replicas (the database's)."""

NewId = Callable[[], str]
"""A new unique identifier of at most 36 characters of [A-Za-z0-9_-]."""
