"""Debits: banks that pay a debit after seconds or days, or return it."""

import random
from typing import Final

from attrs import define, field

from adapters.gateways.simulated.attempts import AttemptState
from domain.identifiers import PaymentId
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.trace import Trace

_MAX_EXPONENT: Final = 5.4
"""The longest debit takes 10 to this power of seconds: almost three days, many times the pause
between two checks of a pending payment."""


@define
class Debits:
    """Ends each pending payment at the gateway, once, after a random time."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    gateway: GatewayEvents
    draw: random.Random
    _begun: set[PaymentId] = field(factory=set)

    def notice(self, payment_id: PaymentId) -> None:
        """Begin the debit of a payment if it has one."""
        record = self.gateway.record_of(payment_id)
        is_pending = any(each.state is AttemptState.PENDING for each in record.attempts)
        if not is_pending or payment_id in self._begun:
            return
        self._begun.add(payment_id)
        succeeds = not self.injector.occurs(FaultKind.DEBIT_FAILS, "bank")
        # Evenly over the orders of magnitude: some while the actors act, some days later.
        seconds = 10 ** self.draw.uniform(0.0, _MAX_EXPONENT)
        seconds = self.injector.edges.of(seconds, 10**_MAX_EXPONENT)
        # Outside all processes: a bank does not crash with them.
        outside = self.loop.outside
        self.loop.call_later(seconds, self._begin, payment_id, succeeds, context=outside)

    def _begin(self, payment_id: PaymentId, succeeds: bool) -> None:
        self.trace.record("bank", f"{'pays' if succeeds else 'returns'} the debit of {payment_id}")
        self.trace.count(Activity.DEBIT_ENDS)
        self.loop.start(None, self.gateway.finish_debit(payment_id, succeeds))
