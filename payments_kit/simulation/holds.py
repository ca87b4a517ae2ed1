"""Holds: banks that release the money of an authorization when its time is over."""

from collections.abc import Callable

from attrs import define, field

from application.ports.clock import Clock
from domain.identifiers import PaymentId
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.trace import Trace


@define
class Holds:
    """Lets the gateway notice the end of each authorization, as it happens."""

    loop: SimulatedLoop
    trace: Trace
    gateway: GatewayEvents
    now: Clock
    act_near_end: Callable[[float], None] = lambda _seconds: None
    """Called at the begin of an authorization with the seconds until its end."""
    _begun: set[PaymentId] = field(factory=set)

    def notice(self, payment_id: PaymentId) -> None:
        """Note the end of a payment's authorization if it has one."""
        held = self.gateway.record_of(payment_id).authorized
        if held is None or payment_id in self._begun:
            return
        self._begun.add(payment_id)
        seconds = (held.authorized_until - self.now()).total_seconds()
        self.act_near_end(seconds)
        # Outside all processes: a bank does not crash with them. A moment later, when it is over.
        outside = self.loop.outside
        self.loop.call_later(max(0.0, seconds) + 0.001, self._end, payment_id, context=outside)

    def _end(self, payment_id: PaymentId) -> None:
        if self.gateway.record_of(payment_id).authorized is not None:
            self.trace.count(Activity.HOLD_ENDS)
            self.trace.record("bank", f"releases what it has held for {payment_id}")
        self.gateway.notice_expiry(payment_id)
