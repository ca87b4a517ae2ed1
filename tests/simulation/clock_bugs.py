"""Bugs of clocks that differ."""

from datetime import timedelta
from typing import Final

from application.use_cases import compare_books
from tests.simulation.bug import Bug

CLOCK_BUGS: Final = (
    Bug("a gateway's clock is the database's", compare_books, "MARGIN", timedelta(0)),
)
