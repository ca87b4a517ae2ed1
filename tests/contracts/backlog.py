"""The promises of a backlog reader."""

from datetime import datetime, timedelta

import pytest
from attrs import evolve

from application.ports.backlog import MAX_COUNTED, Backlog, BacklogKind, GatewayBacklog
from application.ports.gateway_notifications import DisputeNotification
from domain.check_times import AUTHENTICATION_WINDOW
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, OrderId, RefundId
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus
from tests.builders import NOW, a_payment, a_refund, an_order, created_event, dollars
from tests.contracts.outbox_queue import failure
from tests.contracts.storages import Storage

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

PAID = a_payment(status=PaymentStatus.SUCCEEDED)
PENDING = a_refund("refund-1", dollars("1"))
FAILED = a_refund("refund-0", dollars("60"), RefundStatus.FAILED)
EVERYTHING = a_refund("re_1", status=RefundStatus.SUCCEEDED, reference="re_1")
LATER = NOW + MINUTE

NOTHING = Backlog({}, None, None, 0, None, 0, 0, None, 0, 0, None, 0)
NOTIFICATION = DisputeNotification(
    "evt_1", ChargeId("ch_9"), DisputeId("dp_1"), dollars("1"), "fraudulent", DisputeStatus.OPEN
)


class BacklogReaderContract:
    """The promises of application/ports/backlog.py."""

    async def test_it_is_empty_at_first(self, storage: Storage) -> None:
        assert await storage.backlog.read() == NOTHING
        assert await storage.backlog.find_oldest(3) == []

    async def test_unfinished_payments_are_counted_by_status(self, storage: Storage) -> None:
        now = storage.now()
        states = PaymentStatus
        checked = [states.PROCESSING, states.PROCESSING, states.ABANDONED]
        unchecked = [states.REVIEW, states.ABANDONED, states.FAILED, states.REVERSED]
        for number, status in enumerate([*checked, *unchecked, states.SUCCEEDED]):
            next_check_at = now if number < len(checked) else None
            await storage.save(paid_order(number, status, now - number * DAY, next_check_at))
        backlog = await storage.backlog.read()
        assert backlog.unfinished == {states.PROCESSING: 2, states.REVIEW: 1, states.ABANDONED: 1}
        assert backlog.oldest_open is not None
        assert DAY <= backlog.oldest_open < DAY + MINUTE

    async def test_payments_that_wait_are_counted_by_gateway_and_mode(
        self, storage: Storage
    ) -> None:
        now = storage.now()
        assert await storage.backlog.count_at_gateways() == []
        for number, (gateway, livemode, next_check_at) in enumerate(
            [("till", False, now), ("till", True, now), ("paypal", True, now), ("fake", True, None)]
        ):
            order = paid_order(number, PaymentStatus.PROCESSING, now, next_check_at)
            payment = evolve(order.payments[0], gateway=gateway, livemode=livemode)
            await storage.save(order.with_payment(payment))
        refunded = paid_order(9, PaymentStatus.SUCCEEDED, now, None)
        payment = evolve(refunded.payments[0], gateway="till")
        refund = evolve(PENDING, payment_id=payment.id, next_check_at=now)
        await storage.save(refunded.with_payment(payment).with_refund(refund))
        assert await storage.backlog.count_at_gateways() == [
            GatewayBacklog("paypal", True, 1),
            GatewayBacklog("till", False, 2),
            GatewayBacklog("till", True, 1),
        ]

    async def test_unsent_and_parked_events_are_counted(self, storage: Storage) -> None:
        await storage.add(failure(0), failure(1), failure(2))
        await storage.outbox.mark_sent([failure(0).id])
        await storage.outbox.park({failure(1).id: "too large"})
        await storage.elapse(DAY)
        await storage.add(failure(3))
        backlog = await storage.backlog.read()
        assert (backlog.events_waiting, backlog.events_parked) == (2, 1)
        assert backlog.oldest_event is not None
        assert DAY <= backlog.oldest_event < DAY + MINUTE

    async def test_time_to_authenticate_does_not_count_as_waiting(self, storage: Storage) -> None:
        now = storage.now()
        created_at = now - AUTHENTICATION_WINDOW + MINUTE
        await storage.save(paid_order(1, PaymentStatus.REQUIRES_ACTION, created_at, now))
        assert (await storage.backlog.read()).oldest_open is None
        created_at -= 3 * MINUTE
        await storage.save(paid_order(2, PaymentStatus.REQUIRES_ACTION, created_at, now))
        oldest = (await storage.backlog.read()).oldest_open
        assert oldest is not None
        assert 2 * MINUTE <= oldest < 3 * MINUTE

    async def test_a_pending_payment_is_not_open_and_has_an_age_of_its_own(
        self, storage: Storage
    ) -> None:
        now, pending = storage.now(), PaymentStatus.PENDING
        for number in (1, 3, 2):
            await storage.save(paid_order(number, pending, now - number * DAY, now))
        backlog = await storage.backlog.read()
        assert (backlog.unfinished, backlog.oldest_open) == ({pending: 3}, None)
        assert backlog.oldest_pending is not None
        assert 3 * DAY <= backlog.oldest_pending < 3 * DAY + MINUTE
        found = await storage.backlog.find_oldest(2)
        assert [(each.kind, each.id, each.belongs_to, each.detail) for each in found] == [
            (BacklogKind.PAYMENT_PENDING, "payment-3", "order-3", "pending"),
            (BacklogKind.PAYMENT_PENDING, "payment-2", "order-2", "pending"),
        ]
        assert found[0].since == now - 3 * DAY

    async def test_a_payment_that_is_authorized_is_counted_and_open_only_while_it_is_ended(
        self, storage: Storage
    ) -> None:
        now, mode = storage.now(), PaymentStatus.AUTHORIZED
        waiting = paid_order(1, mode, now - 3 * DAY, now + DAY)
        await storage.save(waiting)
        backlog = await storage.backlog.read()
        assert (backlog.unfinished, backlog.oldest_open) == ({mode: 1}, None)
        assert await storage.backlog.find_oldest(3) == []
        captured = paid_order(2, mode, now - 3 * DAY, now)
        released = paid_order(3, mode, now - 3 * DAY, now)
        [one], [other] = captured.payments, released.payments
        one = evolve(one, requested_capture=dollars("1"), decided_at=now - 2 * MINUTE)
        await storage.save(captured.with_payment(one))
        await storage.save(released.with_payment(other.release("voided", now - 9 * MINUTE)))
        backlog = await storage.backlog.read()
        assert backlog.unfinished == {mode: 3}
        assert backlog.oldest_open is not None
        assert 9 * MINUTE <= backlog.oldest_open < 10 * MINUTE
        found = await storage.backlog.find_oldest(3)
        assert [(each.kind, each.id, each.detail) for each in found] == [
            (BacklogKind.PAYMENT_OPEN, "payment-3", "authorized"),
            (BacklogKind.PAYMENT_OPEN, "payment-2", "authorized"),
        ]

    @pytest.mark.parametrize(
        ("refunds", "pending", "failed"),
        [
            ([PENDING, evolve(PENDING, id=RefundId("refund-2")), FAILED], 2, 1),
            ([FAILED], 0, 1),
            ([FAILED, evolve(PENDING, created_at=LATER)], 1, 0),
            ([FAILED, evolve(FAILED, id=RefundId("refund-2"), created_at=LATER)], 0, 1),
            ([EVERYTHING, evolve(FAILED, created_at=LATER)], 0, 0),
        ],
    )
    async def test_a_failed_refund_counts_until_a_later_one_follows_or_nothing_is_left(
        self, storage: Storage, refunds: list[Refund], pending: int, failed: int
    ) -> None:
        await storage.save(an_order(PAID, refunds=tuple(refunds)))
        backlog = await storage.backlog.read()
        assert (backlog.refunds_pending, backlog.refunds_failed) == (pending, failed)

    async def test_a_payment_in_review_counts_until_nothing_is_left(self, storage: Storage) -> None:
        review = a_payment(status=PaymentStatus.REVIEW)
        most = a_refund("refund-1", dollars("99"), RefundStatus.SUCCEEDED)
        rest = a_refund("refund-2", dollars("1"), RefundStatus.FAILED)
        await storage.save(an_order(review, refunds=(most, rest)))
        assert (await storage.backlog.read()).unfinished == {PaymentStatus.REVIEW: 1}
        retry = evolve(rest, id=RefundId("refund-3"), status=RefundStatus.PENDING)
        await storage.save(an_order(review, refunds=(most, rest, retry)))
        assert (await storage.backlog.read()).unfinished == {}

    async def test_deferred_notifications_and_pending_refunds_have_an_age(
        self, storage: Storage
    ) -> None:
        await storage.defer(NOTIFICATION, storage.now() - DAY)
        refund = evolve(PENDING, created_at=storage.now() - DAY)
        await storage.save(an_order(PAID, refunds=(refund,)))
        backlog = await storage.backlog.read()
        assert (backlog.refunds_pending, backlog.notifications_deferred) == (1, 1)
        for age in (backlog.oldest_refund, backlog.oldest_deferred):
            assert age is not None
            assert DAY <= age < DAY + MINUTE

    async def test_the_oldest_of_each_kind_are_named(self, storage: Storage) -> None:
        now = storage.now()
        for number, status in enumerate([PaymentStatus.PROCESSING] * 4 + [PaymentStatus.REVIEW]):
            await storage.save(paid_order(number, status, now - number * DAY, now))
        refunds = (PENDING, evolve(FAILED, created_at=LATER, code="expired"))
        await storage.save(an_order(PAID, refunds=refunds))
        await storage.add(failure(0), failure(1))
        await storage.outbox.park({failure(1).id: "too large"})
        await storage.defer(NOTIFICATION, now - DAY)
        found = [
            (each.kind, each.id, each.belongs_to, each.detail)
            for each in await storage.backlog.find_oldest(2)
        ]
        assert found == [
            (BacklogKind.PAYMENT_OPEN, "payment-3", "order-3", "processing"),
            (BacklogKind.PAYMENT_OPEN, "payment-2", "order-2", "processing"),
            (BacklogKind.PAYMENT_IN_REVIEW, "payment-4", "order-4", "review"),
            (BacklogKind.REFUND_PENDING, PENDING.id, PAID.id, "pending"),
            (BacklogKind.REFUND_FAILED, FAILED.id, PAID.id, "expired"),
            (BacklogKind.EVENT_WAITING, failure(0).id, failure(0).order_id, "payment:failed"),
            (BacklogKind.EVENT_PARKED, failure(1).id, failure(1).order_id, "too large"),
            (BacklogKind.NOTIFICATION_DEFERRED, "evt_1", NOTIFICATION.charge_id, "dispute"),
        ]
        [first, *_] = await storage.backlog.find_oldest(1)
        assert first.since == now - 3 * DAY
        assert 3 * DAY <= first.age < 3 * DAY + MINUTE

    async def test_counts_end_at_a_limit(self, storage: Storage) -> None:
        await storage.add(*(failure(number) for number in range(MAX_COUNTED + 5)))
        assert (await storage.backlog.read()).events_waiting == MAX_COUNTED + 1


def paid_order(
    number: int, status: PaymentStatus, created_at: datetime, next_check_at: datetime | None
) -> Order:
    """Return one of many orders, with a payment in this state."""
    order_id = OrderId(f"order-{number}")
    payment = a_payment(
        f"payment-{number}", status, created_at=created_at, next_check_at=next_check_at
    )
    return an_order(evolve(payment, order_id=order_id), replica=created_event(order_id))
