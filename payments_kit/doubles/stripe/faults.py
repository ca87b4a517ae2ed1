"""Faults on demand: which of them wait, which really happened."""

import re
from collections import Counter
from random import Random
from typing import Any, Literal, get_args

from attrs import define, field

from .errors import Json, invalid

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
    """What goes wrong with the next `times` requests that match; `times: -1` for all of them."""

    kind: Kind
    path: str = ".*"
    method: str = "POST"
    times: int = 1
    seconds: float | None = None
    status: int = 500
    html: bool = False
    reply: Reply = "reset"
    holds_key: bool = False
    skip: int = 0
    probability: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and re.search(self.path, path) is not None


@define
class Faults:
    """The faults in store, in order; the first one that matches a request is its fault."""

    waiting: list[Fault] = field(factory=list)
    happened: Counter[str] = field(factory=Counter)
    random: Random = field(factory=lambda: Random(0))

    def add(self, kind: Kind, path: str = ".*", **more: Any) -> Fault:
        fault = Fault(kind, path, **more)
        self.waiting.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        for fault in self.waiting:
            if not fault.matches(method, path) or self.random.random() >= fault.probability:
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
        self.waiting.clear()


def decode_fault(body: Json) -> Fault:
    try:
        if body.get("kind") not in get_args(Kind):
            raise invalid(f"kind must be one of {', '.join(get_args(Kind))}")
        re.compile(body.get("path", ".*"))
        return Fault(**body)
    except (TypeError, re.error) as error:
        raise invalid(f"Not a fault: {error}") from error
