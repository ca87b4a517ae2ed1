"""The promises of the orders of refunds and disputes."""

from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, PAYMENT, a_payment, a_refund, an_order, dollars
from tests.contracts.storages import Storage


class OrderIdsContract:
    """The promises of application/ports/order_ids.py."""

    async def test_a_refund_and_a_dispute_lead_to_their_order(self, storage: Storage) -> None:
        paid = a_payment(PAYMENT, PaymentStatus.SUCCEEDED)
        dispute = Dispute(
            DisputeId("dp_1"),
            PAYMENT,
            ORDER,
            ChargeId("ch_1"),
            dollars("10"),
            "fraud",
            DisputeStatus.OPEN,
        )
        refund = a_refund("refund-1")
        await storage.save(an_order(paid, refunds=(refund,)).with_dispute(dispute))
        assert await storage.order_ids.of_refund_or_dispute("refund-1") == ORDER
        assert await storage.order_ids.of_refund_or_dispute("dp_1") == ORDER
        for other in ("refund-2", PAYMENT, ORDER, "", "'"):
            assert await storage.order_ids.of_refund_or_dispute(other) is None
