"""GatewayEvents: what happens at the gateway without a request of the service."""

from attrs import frozen

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

    @property
    def _gateway(self) -> InMemoryGateway:
        return InMemoryGateway(self.ledger)

    async def authenticate(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Complete the authentication that a payment waits for."""
        await self._gateway.complete_authentication(payment_id, succeeded)

    async def finish_debit(self, payment_id: PaymentId, succeeded: bool) -> None:
        """Let the money of a pending payment come, or fail to come."""
        await self._gateway.finish_debit(payment_id, succeeded)

    async def complete_refunds(self) -> None:
        """Complete every refund that waits for a bank; the bank may reject it."""
        for payment_id, record in list(self.ledger.all()):
            for refund in record.refunds:
                if refund.state is RefundState.PENDING and refund.refund_id is not None:
                    succeeded = not self.injector.occurs(FaultKind.REFUND_FAILS, "bank")
                    await self._gateway.finish_refund(payment_id, refund.refund_id, succeeded)

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
        record = self.ledger.records[payment_id]
        attempt = record.charged
        if attempt is None or record.refundable(attempt).is_zero:
            return None
        left = record.refundable(attempt)
        amount = Money(min(minor_units or left.minor_units, left.minor_units), left.currency)
        reference = await self._gateway.refund_externally(payment_id, amount)
        if reference is None:
            return None
        reported = ReportedRefund(reference, amount, Refunded(reference, amount))
        return ExternalRefundNotification(f"evt_{reference}", attempt.charge_id, reported)
