"""Sources of time and of new identifiers: ports, so that a run can be reproduced."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""The current time, timezone-aware and in UTC; one clock for all processes (the database's)."""

NewId = Callable[[], str]
"""A new unique identifier of at most 36 characters of [A-Za-z0-9_-]."""
