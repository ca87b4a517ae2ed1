"""Windows: ranges of positions of the outbox, read one after the other.

A statement that selects events by their time would read all of a large outbox, which has no index
on a time: it would cost each event more than a pass costs an operator.
"""

from typing import Final

WINDOW: Final = 1_000
"""Positions of one window. Reading and writing so many events takes a few milliseconds."""

FIRST: Final = (
    "SELECT position, recorded_at FROM outbox WHERE position > :after ORDER BY position LIMIT 1"
)
"""The first event of the next window. As the materialized CTE `first`, it is found once."""

LAST_OF_WINDOW: Final = f"position + {WINDOW - 1}"

# Two limits: for a range, PostgreSQL uses the index even if it does not know the values.
IN_WINDOW: Final = f"""
    position BETWEEN (SELECT position FROM first) AND (SELECT {LAST_OF_WINDOW} FROM first)
"""  # noqa: S608 - a constant
