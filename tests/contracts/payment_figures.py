"""The promises of counts of payments."""

from datetime import timedelta

from attrs import evolve

from application.ports.payment_figures import PaymentCount
from domain.identifiers import OrderId
from domain.payment_status import PaymentStatus
from tests.builders import NOW, a_payment, an_order, created_event
from tests.contracts.storages import Storage

HOUR = timedelta(hours=1)
FAILED, SUCCEEDED = PaymentStatus.FAILED, PaymentStatus.SUCCEEDED


class PaymentFiguresContract:
    """The promises of application/ports/payment_figures.py."""

    async def test_each_payment_of_the_period_is_counted_once_in_its_hour(
        self, storage: Storage
    ) -> None:
        for number, (minutes, status, code) in enumerate(
            (
                (-121, FAILED, "lost_card"),
                (-120, FAILED, "lost_card"),
                (-61, FAILED, "expired_card"),
                (-60, SUCCEEDED, None),
                (-1, SUCCEEDED, None),
                (0, FAILED, "lost_card"),
                (60, FAILED, "lost_card"),
            )
        ):
            at, order_id = NOW + timedelta(minutes=minutes), OrderId(f"order-{number}")
            payment = a_payment(f"p{number}", status, created_at=at)
            payment = evolve(payment, order_id=order_id, code=code)
            await storage.save(an_order(payment, replica=created_event(order_id)))
        counts = await storage.figures.count(NOW - 2 * HOUR, NOW + HOUR)
        assert {*counts} == {
            PaymentCount(NOW - 2 * HOUR, FAILED, "lost_card", 1),
            PaymentCount(NOW - 2 * HOUR, FAILED, "expired_card", 1),
            PaymentCount(NOW - HOUR, SUCCEEDED, None, 2),
            PaymentCount(NOW, FAILED, "lost_card", 1),
        }

    async def test_a_period_without_payments_has_no_counts(self, storage: Storage) -> None:
        assert [*await storage.figures.count(NOW, NOW + HOUR)] == []
