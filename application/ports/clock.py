"""Where time and names come from: outside, so that everything can be replayed."""

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Now, in UTC and timezone-aware; the same clock for every replica (the database's)."""

NewId = Callable[[], str]
"""A name nobody has used before, at most 36 characters of [A-Za-z0-9_-]."""
