"""Injected faults of the in-memory gateway: those that a real gateway can have."""

from collections import Counter
from enum import Enum, auto
from typing import Protocol

from attrs import define, field, frozen

from adapters.gateways.simulated.attempts import Mischarge
from domain.identifiers import PaymentId
from domain.money import Money


class GatewayFaultKind(Enum):
    """What can go wrong with a request."""

    UNREACHABLE = auto()
    """No connection can be opened."""
    RATE_LIMITED = auto()
    """The gateway rejects the request with 429 before it is executed."""
    REQUEST_LOST = auto()
    """The request is not executed, and there is no reply."""
    REPLY_LOST = auto()
    """The request is executed, but there is no reply."""
    SERVER_ERROR = auto()
    """The request is not executed; its key gets a 500 from now on."""
    SERVER_ERROR_AFTER = auto()
    """The request is executed; its key gets a 500 from now on."""
    SLOW = auto()
    """The request is executed; the reply takes `seconds`, and is lost if that is too long."""
    LATE = auto()
    """There is no reply; the request is executed `seconds` later."""
    FORBIDDEN = auto()
    """The gateway refuses our key, or what the key may do."""
    REFUSED = auto()
    """The gateway refuses the shop: nothing is executed, and the reply says so."""
    MISCHARGED = auto()
    """The charge or authorization differs from the request in amount, currency or mode."""
    CHARGED_TWICE = auto()
    """The request is executed twice, although both have one key."""


@frozen
class GatewayFault:
    """A fault of one request."""

    kind: GatewayFaultKind
    seconds: float = 0.0
    mischarge: Mischarge | None = None


class FaultPlan(Protocol):
    """Decides which requests have faults."""

    def next(self, step: str, payment_id: PaymentId) -> GatewayFault | None:
        """Return the next request's fault, if any; `step` is the name of the port's method."""


@define
class Faults:
    """Faults for the next requests, in order of addition."""

    waiting: list[tuple[str, GatewayFault]] = field(factory=list)
    happened: Counter[GatewayFaultKind] = field(factory=Counter)

    def add(self, step: str, kind: GatewayFaultKind, seconds: float = 0.0) -> None:
        """Add a fault to the next request of this step that has none yet."""
        self.waiting.append((step, GatewayFault(kind, seconds)))

    def mischarge(self, amount: Money, livemode: bool = False) -> None:
        """Let the next charge capture this amount instead of the requested one."""
        fault = GatewayFault(GatewayFaultKind.MISCHARGED, mischarge=Mischarge(amount, livemode))
        self.waiting.append(("charge", fault))

    def next(self, step: str, _payment_id: PaymentId) -> GatewayFault | None:
        """Remove and return the first fault of this step, if any."""
        for index, (fault_step, fault) in enumerate(self.waiting):
            if fault_step == step:
                del self.waiting[index]
                self.happened[fault.kind] += 1
                return fault
        return None
