"""Faults of the double: what can go wrong with a request.

- `timeout_before`, `timeout_after`: there is no reply; the request is not executed, or is.
- `reset_before`, `reset_after`: the connection is reset; the request is not executed, or is.
- `status_before`, `status_after`: the reply is an error; the request is not executed, or is.
- `truncate`: the request is executed; the reply's body ends early.
- `garbage`: the request is executed; the reply is an HTML page.
- `slow`: the request is executed after `seconds`, and then gets its reply.
- `late`: there is no reply; the request is executed after `seconds`.

`Faults.release` executes slow and late requests before their time.
"""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any, Literal, get_args

from attrs import define, field

from payments_kit.doubles.replies import Json

Kind = Literal[
    "timeout_before",
    "timeout_after",
    "reset_before",
    "reset_after",
    "status_before",
    "status_after",
    "truncate",
    "garbage",
    "slow",
    "late",
]
Reply = Literal["reset", "hang"]


@define
class Fault:
    """A fault of the next `times` matching requests, or of all of them if `times` is -1."""

    kind: Kind
    path: str = ".*"
    """A regular expression that is searched for in the path."""
    method: str = "POST"
    """`*` is any method."""
    about: str = ""
    """A text that the path or the parameters contain, such as the id of an order."""
    times: int = 1
    seconds: float | None = None
    status: int = 500
    error: Json | None = None
    """Fields of the reply's error object, as the gateway names them."""
    html: bool = False
    """Whether the body is a proxy's HTML page instead of JSON."""
    reply: Reply = "reset"
    """How a late request's connection ends."""
    holds_key: bool = False
    """Whether a late request uses its idempotency key from the start."""
    skip: int = 0
    """How many matching requests are not affected at first."""
    probability: float = 1.0

    def matches(self, method: str, path: str, parameters: str) -> bool:
        """Whether it may apply to a request."""
        is_about = self.about in path or self.about in parameters
        return self.method in ("*", method) and is_about and bool(re.search(self.path, path))


@define
class Faults:
    """The faults still to come, in order; the first that matches a request applies to it."""

    waiting: list[Fault] = field(factory=list)
    happened: Counter[str] = field(factory=Counter)
    random: Random = field(factory=lambda: Random(0))  # noqa: S311 - a repeatable sequence
    _released: asyncio.Event = field(factory=asyncio.Event)

    def add(self, kind: Kind, path: str = ".*", **more: Any) -> Fault:
        """Add a fault."""
        fault = Fault(kind, path, **more)
        self.waiting.append(fault)
        return fault

    def take(self, method: str, path: str, parameters: str = "") -> Fault | None:
        """Return the fault of a request, if any, and count it."""
        for fault in self.waiting:
            if (
                not fault.matches(method, path, parameters)
                or self.random.random() >= fault.probability
            ):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times == 0:
                self.waiting.remove(fault)
            self.happened[fault.kind] += 1
            return fault
        return None

    def clear(self) -> None:
        """Remove the faults still to come."""
        self.waiting.clear()

    async def delay(self, fault: Fault) -> None:
        """Wait for the fault's time, or until `release`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(fault.seconds or 1.0):
                await self._released.wait()

    def release(self) -> None:
        """End every delay that has begun."""
        self._released.set()
        self._released = asyncio.Event()


def decode_fault(body: Json) -> Fault:
    """Read a fault from the control API's JSON, or raise ValueError."""
    try:
        if body.get("kind") not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
        re.compile(body.get("path", ".*"))
        return Fault(**body)
    except (TypeError, re.error) as error:
        raise ValueError(f"Not a fault: {error}") from error
