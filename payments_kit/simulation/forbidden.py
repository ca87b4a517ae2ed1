"""Forbid what a seed does not determine: wall clocks, sockets, threads, real randomness."""

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final


class Forbidden(Exception):
    """The simulated code used something that the seed does not determine."""


_FUNCTIONS: Final[tuple[tuple[object, str], ...]] = (
    *((time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep")),
    *((uuid, name) for name in ("uuid1", "uuid4")),
    *((random, name) for name in ("random", "uniform", "randint", "choice", "shuffle", "sample")),
    (os, "urandom"),
    (socket, "socket"),
)
"""What is forbidden. `datetime.now` cannot be replaced; the test that replays seeds finds it."""


@contextmanager
def forbidding_nondeterminism() -> Iterator[None]:
    """Make these functions raise Forbidden in this thread; other threads may use them."""
    originals = [(module, name, getattr(module, name)) for module, name in _FUNCTIONS]
    for module, name, original in originals:
        what = f"{module.__name__}.{name}"  # type: ignore[attr-defined] # a module
        setattr(module, name, _forbid(what, original))
    try:
        yield
    finally:
        for module, name, original in originals:
            setattr(module, name, original)


def _forbid(what: str, original: Callable[..., Any]) -> Callable[..., Any]:
    simulating_thread = threading.get_ident()

    def call(*args: object, **options: object) -> Any:
        if threading.get_ident() == simulating_thread:
            raise Forbidden(what)
        return original(*args, **options)

    return call
