"""GatewayEvents: what happens at the gateway without a request of the service."""

from attrs import field, frozen

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.gateways.simulated.refunds import RefundState
from application.ports.gateway_notifications import ExternalRefundNotification
from domain.identifiers import PaymentId
from domain.money import Money
from domain.refund import Refunded, ReportedRefund
from payments_kit.simulation.faults import FaultInjector, FaultKind


@frozen
class GatewayEvents:
    """Authentication, the banks' decisions about refunds, and external refunds."""

    ledger: GatewayLedger
    injector: FaultInjector
    captures_asked: list[tuple[str, int]] = field(factory=list)
    """What others have captured, by payment, in minor units."""

    @property
    def _gateway(self) -> InMemoryGateway:
        return InMemoryGateway(self.ledger)

    async def authenticate(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Complete the authentication that a payment waits for."""
        await self._gateway.complete_authentication(payment_id, succeeded)

    async def approve(self, token: str) -> bool:
        """Approve a session, as its customer; return whether it is approved now."""
        return await self._gateway.approve(token)

    async def finish_debit(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Let the money of a pending payment come, or fail to come."""
        await self._gateway.finish_debit(payment_id, succeeded)

    def notice_expiry(self, payment_id: PaymentId) -> None:
        """Let the gateway release what it has held for too long, and notify about it."""
        self.ledger.apply(self.ledger.key_of(payment_id), lambda record: (record, None))

    def held_payments(self) -> list[PaymentId]:
        """Return the payments whose money is held, known to the service or not."""
        return [payment_id for payment_id, record in self.ledger.all() if record.authorized]

    async def capture_externally(self, payment_id: PaymentId, is_part: bool) -> None:
        """Capture what is held in the gateway's dashboard, or a part of it."""
        held = self.ledger.record_of(payment_id).authorized
        if held is None:
            return
        units = max(1, held.amount.minor_units // 3) if is_part else held.amount.minor_units
        self.captures_asked.append((payment_id, units))
        key = self.ledger.key_of(payment_id)
        await self._gateway.capture_externally(key, Money(units, held.amount.currency))

    async def release_externally(self, payment_id: PaymentId) -> None:
        """Release what is held in the gateway's dashboard."""
        await self._gateway.release_externally(self.ledger.key_of(payment_id))

    async def complete_refunds(self) -> None:
        """Complete every refund that waits for a bank; the bank may reject it."""
        for payment_id, record in list(self.ledger.all()):
            for refund in record.refunds:
                if refund.state is RefundState.PENDING and refund.refund_id is not None:
                    succeeded = not self.injector.occurs(FaultKind.REFUND_FAILS, "bank")
                    key = self.ledger.key_of(payment_id)
                    await self._gateway.finish_refund(key, refund.refund_id, succeeded)

    def charged_payments(self) -> list[PaymentId]:
        """Return the payments that the gateway has captured, known to the service or not."""
        return [payment_id for payment_id, record in self.ledger.all() if record.charged]

    async def refund_externally(
        self, payment_id: PaymentId, minor_units: int | None
    ) -> ExternalRefundNotification | None:
        """Refund at most this much of what is left; None if nothing is left.

        Returns the gateway's notification about it: the ledger itself only notifies about refunds
        of the service.
        """
        record = self.ledger.record_of(payment_id)
        attempt = record.charged
        if attempt is None or record.refundable(attempt).is_zero:
            return None
        left = record.refundable(attempt)
        amount = Money(min(minor_units or left.minor_units, left.minor_units), left.currency)
        reference = await self._gateway.refund_externally(self.ledger.key_of(payment_id), amount)
        if reference is None:
            return None
        reported = ReportedRefund(reference, amount, Refunded(reference, amount))
        return ExternalRefundNotification(f"evt_{reference}", attempt.charge_id, reported)
