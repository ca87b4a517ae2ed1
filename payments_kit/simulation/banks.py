"""Banks: the ends of refunds, and refunds that nobody of us has made."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, evolve, field

from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.refunds import RefundRecord, RefundState
from application.ports.clock import Clock
from application.ports.gateway_notifications import ExternalRefundNotification, Notification
from domain.identifiers import PaymentId
from domain.money import Money
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.model.records import BookedRefund
from payments_kit.simulation.observations import GatewayRefund
from payments_kit.simulation.trace import Trace

_SECONDS: Final = 15.0
"""How often banks decide, on average."""


@define
class Banks:
    """Completes, rejects and returns refunds; refunds in the gateway's dashboard are told here."""

    injector: FaultInjector
    trace: Trace
    gateway: GatewayEvents
    send: Callable[[str, Notification], None]
    """Sends a notification of the gateway with this name."""
    draw: random.Random
    now: Clock
    forgotten: list[tuple[GatewayRefund, str]] = field(factory=list)
    """The refunds that a gateway has no record of any more, and their names in our books."""

    async def act(self, seconds: float) -> None:
        """Decide at random intervals until the scenario's time is over."""
        clock = asyncio.get_running_loop().time
        while clock() < seconds:
            await asyncio.sleep(self.draw.expovariate(1 / _SECONDS))
            await self.complete_refunds()
            await self._return_refunds()

    async def complete_refunds(self) -> None:
        """Complete every refund that waits for a bank; the bank may reject it."""
        for payment_id, record in self.gateway.all():
            for refund in record.refunds:
                if refund.state is RefundState.PENDING:
                    succeeded = not self.injector.occurs(FaultKind.REFUND_FAILS, "bank")
                    await self._end(payment_id, refund, succeeded)

    async def _return_refunds(self) -> None:
        """Return some of the refunds that have succeeded: the customer's account is closed."""
        if not self.injector.is_possible(FaultKind.REFUND_RETURNED):
            return
        for payment_id, record in self.gateway.all():
            for refund in record.refunds:
                if refund.state is RefundState.SUCCEEDED and self.injector.occurs(
                    FaultKind.REFUND_RETURNED, "bank"
                ):
                    await self._end(payment_id, refund, succeeded=False)

    async def _end(self, payment_id: PaymentId, refund: RefundRecord, succeeded: bool) -> None:
        if refund.refund_id is not None:
            await self.gateway.finish_refund(payment_id, refund.refund_id, succeeded)
            return
        state = RefundState.SUCCEEDED if succeeded else RefundState.FAILED
        ended = evolve(refund, state=state)
        self._replace(payment_id, refund, ended)
        self._tell(payment_id, ended)

    def refund_externally(self, payment_id: PaymentId, minor_units: int | None) -> None:
        """Refund at most this much of what is left in the gateway's dashboard, and tell it."""
        record = self.gateway.record_of(payment_id)
        attempt = record.charged
        if attempt is None or record.refundable(attempt).is_zero:
            return
        left = record.refundable(attempt)
        amount = Money(min(minor_units or left.minor_units, left.minor_units), left.currency)
        refund = self.gateway.add_refund(payment_id, amount, self.now())
        if self.injector.occurs(FaultKind.EXTERNAL_REFUND_PENDING, "operator"):
            waiting = evolve(refund, state=RefundState.PENDING)
            self._replace(payment_id, refund, waiting)
            refund = waiting
        self._tell(payment_id, refund)

    def forget_refunds(self, booked: Mapping[str, BookedRefund]) -> None:
        """Let the gateways lose some records of refunds of which our books know all.

        `booked` has those that have succeeded, by their names at the gateway.
        """
        for payment_id, record in self.gateway.all():
            for refund in record.refunds:
                our_id = None if refund.key is None else refund.refund_id
                ours = booked.get(refund.reference)
                if ours is None or refund.state is not RefundState.SUCCEEDED:
                    continue
                is_known = ours.amount.minor_units == refund.amount.minor_units
                if is_known and self.injector.occurs(FaultKind.REFUND_FORGOTTEN, "gateway"):
                    gone = GatewayRefund(refund.charge_id, refund.amount, our_id)
                    self.forgotten.append((gone, ours.id))
                    self._unlist(payment_id, refund)

    def _replace(self, payment_id: PaymentId, refund: RefundRecord, changed: RefundRecord) -> None:
        def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
            refunds = tuple(changed if each == refund else each for each in record.refunds)
            return evolve(record, refunds=refunds), None

        self.gateway.change(payment_id, rule)

    def _unlist(self, payment_id: PaymentId, refund: RefundRecord) -> None:
        """Show a refund no more; its money stays away, so that it cannot be refunded again."""

        def rule(record: GatewayRecord) -> tuple[GatewayRecord, None]:
            refunds = tuple(each for each in record.refunds if each != refund)
            return evolve(record, refunds=refunds, unlisted=(*record.unlisted, refund)), None

        self.gateway.change(payment_id, rule)

    def _tell(self, payment_id: PaymentId, refund: RefundRecord) -> None:
        event_id = f"evt_{refund.reference}_{refund.state.value}"
        notification = ExternalRefundNotification(event_id, refund.charge_id, refund.reported)
        self.trace.record("operator", f"{refund.state.value} at the gateway: {refund.amount}")
        self.send(self.gateway.name_of(payment_id), notification)
