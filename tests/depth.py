"""How often a test repeats one kind of check: `make test-deep` repeats everything.

`make test` makes every kind of check, on a part of the cases that differ in their place alone.
"""

import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

# One variable chooses how many examples Hypothesis draws and how many cases are repeated.
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "local")
IS_DEEP = PROFILE == "deep"


def part(cases: Iterable[T], one_in: int, first: int = 0) -> Iterator[T]:
    """Yield one in so many cases, beginning with a certain one; all of them in `make test-deep`."""
    for number, case in enumerate(cases):
        if IS_DEEP or number % one_in == first % one_in:
            yield case


def times(ordinary: int) -> int:
    """Return how many examples or seeds to try: ten times as many in `make test-deep`."""
    return ordinary * 10 if IS_DEEP else ordinary
