"""GatewayFaults: the faults between a process and the gateway."""

import asyncio
from collections.abc import Callable
from typing import Final

from attrs import define, field

from adapters.gateways.in_memory import GatewayFault, GatewayFaultKind
from adapters.gateways.simulated.attempts import Mischarge
from adapters.gateways.simulated.idempotency import KEY_LIFETIME
from application.ports.payment_gateway import CALL_SECONDS, LOOKUP_SECONDS
from domain.identifiers import PaymentId
from domain.money import Currency, Money
from payments_kit.simulation.database_faults import DatabaseFaults
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.process import current_name
from payments_kit.simulation.round_trip import RoundTrip
from payments_kit.simulation.trace import Trace

_MAX_DELAY: Final = 20 * 3600.0
"""The latest arrival of a request in seconds; a gateway may accept one for 24 hours (Stripe)."""

_LATEST: Final = KEY_LIFETIME.total_seconds() - 0.01
"""At the edge of this limit, a request arrives a moment before it, as the port promises."""

_MAX_SLOWNESS: Final = LOOKUP_SECONDS + 15.0
"""The longest time in seconds until a slow gateway replies: beyond every limit of a call."""

_KINDS: Final = {
    FaultKind.GATEWAY_UNREACHABLE: GatewayFaultKind.UNREACHABLE,
    FaultKind.GATEWAY_RATE_LIMITED: GatewayFaultKind.RATE_LIMITED,
    FaultKind.GATEWAY_REQUEST_LOST: GatewayFaultKind.REQUEST_LOST,
    FaultKind.GATEWAY_REPLY_LOST: GatewayFaultKind.REPLY_LOST,
    FaultKind.GATEWAY_ARRIVES_LATE: GatewayFaultKind.LATE,
    FaultKind.GATEWAY_ERROR: GatewayFaultKind.SERVER_ERROR,
    FaultKind.GATEWAY_ERROR_AFTER: GatewayFaultKind.SERVER_ERROR_AFTER,
    FaultKind.GATEWAY_SLOW: GatewayFaultKind.SLOW,
}

_REFUSABLE: Final = ("charge", "create_session", "take")
"""What the gateway may refuse because of the shop."""

_CALLS: Final = ("charge", "capture", "refund", "create_session", "take")

_OF_NO_PAYMENT: Final = ("list_charges", "list_records")

_MOVED_BACK: Final = (
    *("refund replied", "capture replied", "list_refunds replied", "find_refund replied"),
    *("cancel replied", "take replied"),
)
"""The moments at which a loss of transactions forgets what an operator or a rule has decided."""

MISCHARGES: Final = (
    *(FaultKind.GATEWAY_MISCHARGES, FaultKind.MISCHARGED_LESS),
    *(FaultKind.MISCHARGED_MUCH_MORE, FaultKind.MISCHARGED_CURRENCY),
)

_IMMEDIATE: Final = (GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED)


@define
class GatewayFaults:
    """The fault plan of the in-memory gateway."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    round_trip: RoundTrip
    database: DatabaseFaults
    amount_of: Callable[[PaymentId], Money | None]
    """The requested amount of a payment; None if the database has lost it."""
    age_of: Callable[[PaymentId], float]
    """How many seconds ago a payment began."""
    apply_delayed: Callable[[], None]
    """Execute the requests at the gateway that have arrived by now."""
    mistakes: set[str]
    """The payments, or their sessions, with which the gateway has made a mistake."""
    down_until: float = 0.0
    crawls_until: float = 0.0
    hangs_until: float = 0.0
    not_listed: list[tuple[str, float]] = field(factory=list)
    """The processes that asked for a list of charges which did not come, or came late; and when."""
    claimants: dict[PaymentId, str] = field(factory=dict)
    """The process that asked about each payment first, which is the one that claimed it."""
    fail_over: Callable[[float], None] = lambda _seconds: None
    """Promotes a standby that lags."""
    _stall: float = 0.0
    """How many seconds the next request waits without getting a reply."""

    def go_down(self, seconds: float) -> None:
        """Reply to no request for a while."""
        self.down_until = max(self.down_until, self.loop.seconds + seconds)

    def crawl(self, seconds: float) -> None:
        """Reply to every request slowly for a while."""
        self.crawls_until = max(self.crawls_until, self.loop.seconds + seconds)

    def hang(self, seconds: float) -> None:
        """Carry out every request for a while, and answer none."""
        self.hangs_until = max(self.hangs_until, self.loop.seconds + seconds)

    async def step(self, step: str) -> None:
        """Wait for a round trip."""
        if step in _MOVED_BACK and self.injector.occurs(FaultKind.LOST_IN_FLIGHT):
            self.fail_over(10 ** self.injector.uniform(FaultKind.LOST_IN_FLIGHT, 0.0, 1.6))
        if step == "charge replied" and self.injector.occurs(FaultKind.DATABASE_DOWN):
            # The worst moment: the money is captured, and it cannot be recorded.
            self.database.go_down(10 ** self.injector.uniform(FaultKind.DATABASE_DOWN, 0.0, 1.6))
        if self._stall:
            seconds, self._stall = self._stall, 0.0
            await asyncio.sleep(seconds)
        await self.round_trip()

    def next(self, step: str, payment_id: PaymentId) -> GatewayFault | None:
        """Return the fault of the next request, if it has one."""
        about = "" if step in _OF_NO_PAYMENT else f" payment {payment_id}"
        self.trace.record(current_name(), f"asks the gateway: {step}{about}")
        fault = self._next(step, payment_id)
        if step not in _OF_NO_PAYMENT:
            self.claimants.setdefault(payment_id, current_name())
        elif fault is not None and step == "list_charges":
            self.not_listed.append((current_name(), self.loop.seconds))
        return fault

    def _next(self, step: str, payment_id: PaymentId) -> GatewayFault | None:
        if self.loop.seconds < self.down_until:
            if self.injector.stream(FaultKind.GATEWAY_DOWN).random() < 0.5:
                self._stall = limit_of(step)
                return GatewayFault(GatewayFaultKind.REQUEST_LOST)
            return GatewayFault(GatewayFaultKind.UNREACHABLE)
        if self.loop.seconds < self.hangs_until:
            return GatewayFault(GatewayFaultKind.SLOW, _MAX_SLOWNESS)
        if self.loop.seconds < self.crawls_until:
            seconds = self.injector.uniform(FaultKind.GATEWAY_CRAWLS, 5.0, _MAX_SLOWNESS)
            return GatewayFault(GatewayFaultKind.SLOW, seconds)
        for kind, gateway_kind in _KINDS.items():
            if self.injector.occurs(kind, f"gateway {step}"):
                return self._fault(kind, gateway_kind, payment_id)
        if step in _REFUSABLE and self.injector.occurs(FaultKind.GATEWAY_REFUSES, "gateway"):
            return GatewayFault(GatewayFaultKind.REFUSED)
        if step == "capture" and self.injector.occurs(FaultKind.CAPTURE_REFUSED, "gateway"):
            return GatewayFault(GatewayFaultKind.REFUSED)
        if step == "charge" and self.injector.occurs(FaultKind.GATEWAY_CHARGES_TWICE, "gateway"):
            self.mistakes.add(payment_id)
            return GatewayFault(GatewayFaultKind.CHARGED_TWICE)
        amount = self.amount_of(payment_id) if step == "charge" else None
        for kind in MISCHARGES if amount else ():
            if amount and self.injector.occurs(kind, "gateway"):
                self.mistakes.add(payment_id)
                mischarge = Mischarge(_wrong(amount, kind), livemode=False)
                return GatewayFault(GatewayFaultKind.MISCHARGED, mischarge=mischarge)
        if self.injector.occurs(FaultKind.KEY_REFUSED, f"gateway {step}"):
            return GatewayFault(GatewayFaultKind.FORBIDDEN)
        return None

    def _fault(
        self, kind: FaultKind, gateway_kind: GatewayFaultKind, payment_id: PaymentId
    ) -> GatewayFault:
        stream, edge = self.injector.stream(kind), self.injector.edges.of
        if gateway_kind is GatewayFaultKind.SLOW:
            return GatewayFault(gateway_kind, edge(stream.uniform(0.5, 20.0), _MAX_SLOWNESS))
        if gateway_kind not in _IMMEDIATE and stream.random() < 0.5:
            # Half of the time the connection is reset at once, else the caller gets no reply.
            self._stall = edge(stream.uniform(1.0, CALL_SECONDS), CALL_SECONDS)
        if gateway_kind is not GatewayFaultKind.LATE:
            return GatewayFault(gateway_kind)
        seconds = stream.choice(
            (stream.uniform(0.1, 10), stream.uniform(10, 120), stream.uniform(120, _MAX_DELAY))
        )
        seconds = edge(seconds, _LATEST, self.age_of(payment_id) + self._stall)
        return GatewayFault(gateway_kind, seconds)

    def on_delay(self, seconds: float, payment_id: PaymentId) -> None:
        """Let a request arrive that was sent now, outside all processes: its sender may crash."""
        at = self.loop.seconds + seconds + 0.001
        self.loop.call_at(at, self._arrive, payment_id, context=self.loop.outside)

    def _arrive(self, payment_id: PaymentId) -> None:
        self.trace.record("gateway", f"a request for payment {payment_id} arrives")
        self.apply_delayed()


def _wrong(amount: Money, kind: FaultKind) -> Money:
    """Return what is captured instead of this amount."""
    units, code = amount.minor_units, amount.currency.code
    match kind:
        case FaultKind.MISCHARGED_LESS:
            return Money(max(1, units // 2), amount.currency)
        case FaultKind.MISCHARGED_MUCH_MORE:
            return Money(100 * units, amount.currency)
        case FaultKind.MISCHARGED_CURRENCY:
            return Money(units, Currency("chf" if code != "chf" else "usd"))
        case _:
            return Money(units + 1, amount.currency)


def limit_of(step: str) -> float:
    """Return how many seconds a call of the port may take."""
    return CALL_SECONDS if step in _CALLS else LOOKUP_SECONDS
