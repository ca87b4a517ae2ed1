"""The promises of the pages of payments and refunds."""

from datetime import timedelta
from typing import Any

from attrs import evolve

from application.ports.payment_pages import MAX_PAYMENTS, Position, RefundPosition
from domain.identifiers import OrderId, PaymentId, RefundId
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus
from tests.builders import NOW, a_payment, a_refund, an_order, created_event, dollars
from tests.contracts.storages import Storage

SECOND = timedelta(seconds=1)


async def save(storage: Storage, number: int, **changes: Any) -> Payment:
    """Store a payment that was claimed so many seconds after NOW, and charged."""
    order_id, claimed_at = OrderId(f"order-{number}"), NOW + number * SECOND
    charged = a_payment(f"payment-{number:04}", PaymentStatus.SUCCEEDED, created_at=claimed_at)
    payment: Payment = evolve(charged, **{"order_id": order_id, "gateway": "stripe", **changes})
    await storage.save(an_order(payment, replica=created_event(order_id)))
    return payment


async def pages(storage: Storage, seconds: int = 10_000) -> list[list[PaymentId]]:
    """Read all pages of so many seconds."""
    found: list[list[PaymentId]] = []
    after: Position | None = None
    while True:
        until = NOW + seconds * SECOND
        page = await storage.payment_pages.page("stripe", False, NOW, until, after)
        if not page:
            return found
        found.append([each.id for each in page])
        after = page[-1].created_at, page[-1].id


async def save_refunds(storage: Storage, *numbers: int, **changes: Any) -> list[Refund]:
    """Store a payment with refunds that were reserved so many seconds after NOW."""
    order_id, payment_id = OrderId(f"order-{numbers[0]}"), f"payment-{numbers[0]:04}"
    charged = a_payment(payment_id, PaymentStatus.SUCCEEDED)
    payment: Payment = evolve(charged, **{"order_id": order_id, "gateway": "stripe", **changes})
    made = [
        evolve(
            a_refund(f"refund-{number:04}", dollars("0.01"), RefundStatus.SUCCEEDED, payment_id),
            order_id=order_id,
            reference=f"re_{number}",
            created_at=NOW + number * SECOND,
        )
        for number in numbers
    ]
    order = an_order(payment, replica=created_event(order_id), refunds=tuple(made))
    await storage.save(order)
    return made


async def refund_pages(storage: Storage, seconds: int = 10_000) -> list[list[RefundId]]:
    """Read all pages of refunds of so many seconds."""
    found: list[list[RefundId]] = []
    after: RefundPosition | None = None
    while True:
        until = NOW + seconds * SECOND
        page = await storage.payment_pages.refunds("stripe", False, NOW, until, after)
        if not page:
            return found
        found.append([each.id for each in page])
        after = page[-1].created_at, page[-1].id


class PaymentPagesContract:
    """The promises of application/ports/payment_pages.py."""

    async def test_a_payment_is_read_as_it_is(self, storage: Storage) -> None:
        payment = await save(storage, 1)
        until = NOW + 2 * SECOND
        assert list(await storage.payment_pages.page("stripe", False, NOW, until, None)) == [
            payment
        ]

    async def test_only_payments_with_a_charge_at_the_gateway_in_the_period_are_read(
        self, storage: Storage
    ) -> None:
        await save(storage, 1, gateway="paypal")
        await save(storage, 2, livemode=True)
        open_ = PaymentStatus.PROCESSING
        await save(storage, 3, status=open_, charge_id=None, captured_amount=None)
        ours = await save(storage, 4)
        await save(storage, 5)
        assert await pages(storage, seconds=5) == [[ours.id]]

    async def test_the_pages_contain_each_payment_once(self, storage: Storage) -> None:
        made = [await save(storage, number) for number in range(MAX_PAYMENTS + 3)]
        first, second = await pages(storage)
        assert [*first, *second] == [each.id for each in made]
        assert len(first) == MAX_PAYMENTS

    async def test_payments_of_one_moment_are_read_in_the_order_of_their_ids(
        self, storage: Storage
    ) -> None:
        for number in (2, 1, 3):
            await save(storage, number, created_at=NOW)
        [page] = await pages(storage)
        assert page == sorted(page)

    async def test_a_refund_is_read_as_it_is(self, storage: Storage) -> None:
        made = await save_refunds(storage, 1)
        until = NOW + 2 * SECOND
        assert list(await storage.payment_pages.refunds("stripe", False, NOW, until, None)) == made

    async def test_only_refunds_that_have_succeeded_at_the_gateway_in_the_period_are_read(
        self, storage: Storage
    ) -> None:
        await save_refunds(storage, 1, gateway="paypal")
        await save_refunds(storage, 2, livemode=True)
        [ours, _] = await save_refunds(storage, 4, 5)
        for status in (RefundStatus.PENDING, RefundStatus.FAILED):
            payment = a_payment(status.value, PaymentStatus.SUCCEEDED)
            order_id = OrderId(f"order-{status.value}")
            refund = evolve(
                a_refund(f"refund-{status.value}", payment_id=status.value, status=status),
                order_id=order_id,
            )
            payment = evolve(payment, order_id=order_id, gateway="stripe")
            replica = created_event(order_id)
            await storage.save(an_order(payment, replica=replica, refunds=(refund,)))
        assert await refund_pages(storage, seconds=5) == [[ours.id]]

    async def test_the_pages_contain_each_refund_once(self, storage: Storage) -> None:
        made = await save_refunds(storage, *range(MAX_PAYMENTS + 3))
        first, second = await refund_pages(storage)
        assert [*first, *second] == [each.id for each in made]
        assert len(first) == MAX_PAYMENTS
