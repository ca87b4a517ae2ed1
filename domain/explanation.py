"""Explanation: why something is in its state, what it waits for, and what ends that."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum

from attrs import evolve, frozen


def time_text(at: datetime) -> str:
    """Return a time as every reply, document and sentence shows it: in UTC, with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Party(Enum):
    """Who may act on an order or a payment."""

    PAYER = "payer"
    OPERATOR = "operator"
    ORDERS_SERVICE = "orders service"


@frozen
class Fact:
    """Something that is known and has led to the state."""

    what: str
    source: str
    """Who said it: the customer, an operator, the orders service, a gateway, or our own rules."""
    at: datetime | None = None
    """When; None if that is not known."""
    path: str | None = None
    """The path of the change in the order's history that says when, such as `payment.p1.code`; None
    if the state itself says it."""


@frozen
class Wait:
    """What must happen next, and until when it is waited for."""

    what: str
    until: datetime | None = None
    """When something else is done about it, such as another check; None: there is no limit."""
    ends_with: tuple[str, ...] = ()
    """What ends it, each with the state that follows."""


@frozen
class Action:
    """What a payer, an operator or the orders service may do now."""

    command: str
    """A command of the program or, for a payer, a request."""
    who: Party


@frozen
class Explanation:
    """Why something is as it is; computed from its state alone."""

    status: str
    evidence: tuple[Fact, ...]
    """Oldest first, as far as the times are known."""
    wait: Wait | None = None
    """None if nothing more is expected to happen by itself."""
    actions: tuple[Action, ...] = ()

    def dated(self, times: Mapping[str, datetime]) -> "Explanation":
        """Return this with the times of the facts; `times` has those of changes by their paths."""
        return evolve(self, evidence=tuple(_dated(each, times) for each in self.evidence))


def _dated(fact: Fact, times: Mapping[str, datetime]) -> Fact:
    return fact if fact.path is None else evolve(fact, at=times.get(fact.path))
