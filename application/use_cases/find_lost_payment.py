"""FindLostPayment: ask the gateway about a payment that our database has lost."""

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.books import Books, is_issued_by
from application.ports.gateways import Gateways
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused, OutcomeUnknown
from application.use_cases.settle_payment import SettlePayment
from domain.identifiers import PaymentId
from domain.payment import Payment


@frozen
class LostPayment(Exception):
    """A payment was claimed in these books, is not in them, and cannot be rebuilt."""

    payment_id: PaymentId

    def __str__(self) -> str:
        return f"payment {self.payment_id} is lost, and the labels do not describe all of it"


@frozen
class FindLostPayment:
    """Adopt a payment that a notification names; the notification does not say what became of it.

    `claimed` is the payment as its labels describe it; None if they do not.
    """

    books: Books
    gateways: Gateways
    settle: SettlePayment
    alerts: Alerts

    async def may_adopt(self, claimed: Payment) -> bool:
        """Whether a payment was claimed in these books and is at a configured gateway."""
        is_here = self.gateways.at(claimed) is not None
        return is_here and await is_issued_by(self.books, claimed.id)

    async def __call__(self, payment_id: PaymentId, claimed: Payment | None) -> bool:
        """Return whether the payment was claimed in these books, not in another installation.

        Raises:
            LostPayment: it was, and its labels are not enough to adopt it.
            LookupRefused: it was, and the gateway will never say what became of it.
            GatewayUnavailable: the gateway does not say now; it sends the notification again.
            StorageUnavailable: nothing is known to be written.
        """
        if not await is_issued_by(self.books, payment_id):
            return False
        if claimed is None or not await self.may_adopt(claimed):
            lost = LostPayment(payment_id)
            await self.alerts.report(AlertKind.BOOKS_BEHIND, payment_id, str(lost))
            raise lost
        try:
            outcome = await self.gateways.having(claimed).gateway.find(claimed)
        except LookupRefused as refused:
            text = f"payment {payment_id} is lost and cannot be looked up: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment_id, text)
            raise
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"to find a lost payment: {unknown}") from unknown
        if outcome is not None:
            await self.settle(claimed, outcome)
        return True
