"""The promises of a unit of work."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from itertools import accumulate, count
from typing import Any, TypeVar

import pytest
from attrs import evolve, fields
from hypothesis import HealthCheck, given, settings

from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from application.ports.unit_of_work import Conflict, UnitOfWork
from application.retry import RetryOnConflict
from domain.capture import CaptureMode
from domain.check_times import FIRST_CHECK_AFTER
from domain.claim import PaymentInProgress
from domain.dispute import Dispute, DisputeStatus
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentExpiring,
    PaymentFailed,
    PaymentVoided,
)
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.order import Order
from domain.outcome import Declined
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, Refunded, RefundFailed, RefundPending, ReportedRefund
from domain.replica import OrderReplica
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    a_payment,
    after,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    shipped_event,
    start_payment,
)
from tests.contracts.storages import LEASE, TRACEPARENT, Storage
from tests.contracts.stream_positions import KEY, at, bind
from tests.depth import times
from tests.strategies import orders

NOTIFICATION = "evt_1"
FAILED = PaymentFailed(PAYMENT, ORDER, "card_declined")
PAID = claimed().settle(PAYMENT, charged(), NOW)
CREATED = PaymentCreated.of(PAID.payment(PAYMENT))
HELD = claimed().settle(PAYMENT, authorized(), NOW)
OF_AUTHORIZATION: list[Event] = [
    PaymentAuthorized.of(HELD.payment(PAYMENT)),
    PaymentExpiring.of(HELD.payment(PAYMENT)),
    PaymentVoided.of(HELD.payment(PAYMENT)),
]

_CHARGE = charged().charge_id
CHARGE_NOTIFICATIONS: list[ChargeNotification] = [
    *(
        ExternalRefundNotification(f"evt_{number}", _CHARGE, reported)
        for number, reported in enumerate(
            (
                ReportedRefund("re_1", PRICE, Refunded("re_1", PRICE)),
                ReportedRefund("re_2", PRICE, RefundPending("re_2"), RefundId("r"), "r:0", "late"),
                ReportedRefund("re_3", PRICE, RefundFailed("lost_card", "re_3")),
            ),
            start=1,
        )
    ),
    DisputeNotification(
        "evt_4", _CHARGE, DisputeId("dp_1"), PRICE, "fraudulent", DisputeStatus.LOST
    ),
]


async def _get_many(work: UnitOfWork) -> Order | None:
    return (await work.orders.get_many([ORDER])).get(ORDER)


Find = Callable[[UnitOfWork], Awaitable[Order | None]]

FIND: dict[str, Find] = {
    "get": lambda work: work.orders.get(ORDER),
    "get_many": _get_many,
    "find_by_payment": lambda work: work.orders.find_by_payment(PAYMENT),
    "find_by_charge": lambda work: work.orders.find_by_charge(_CHARGE),
}
"""Every way to read an order."""

BESIDE: dict[str, Callable[[UnitOfWork], None]] = {
    "an event": lambda work: work.outbox.add(FAILED),
    "a notification": lambda work: work.inbox.add(NOTIFICATION),
    "a deferred one": lambda work: work.inbox.defer(CHARGE_NOTIFICATIONS[1], NOW),
    "a removed one": lambda work: work.inbox.remove_deferred(CHARGE_NOTIFICATIONS[0].id),
    "a position": lambda work: work.positions.advance(at(3)),
}
"""Everything that a commit writes beside orders, except requests, which have a contract."""

# Races may take long on a loaded machine, but must end.
SECONDS = 60.0

Entity = TypeVar("Entity", OrderReplica, Payment, Refund, Dispute)

_numbers = count(1)

# The examples share one database, under different ids, and the suite has several subclasses.
_SHARED = (
    HealthCheck.function_scoped_fixture,
    HealthCheck.differing_executors,
    HealthCheck.too_slow,
)


class UnitOfWorkContract:
    """The promises of application/ports/unit_of_work.py."""

    async def test_payments_are_found_by_their_ids(self, storage: Storage) -> None:
        order = claimed()
        await storage.save(order)
        found = await storage.begin().orders.find_payments([PAYMENT, PaymentId("unknown")])
        assert found == {PAYMENT: order.payment(PAYMENT)}

    @pytest.mark.parametrize("other", [PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED])
    @pytest.mark.parametrize("is_new", [True, False], ids=["at once", "one after the other"])
    async def test_two_live_payments_of_an_order_are_a_conflict(
        self, storage: Storage, other: PaymentStatus, is_new: bool
    ) -> None:
        one = claimed()
        if not is_new:
            await storage.save(one)
        work = storage.begin()
        if not is_new:
            assert await work.orders.get(ORDER) == one
        work.orders.save(one.with_payment(a_payment("payment-2", other)))
        with pytest.raises(Conflict):
            await work.commit()
        assert await storage.begin().orders.get(ORDER) == (None if is_new else one)

    async def test_what_has_ended_and_one_live_payment_are_none(self, storage: Storage) -> None:
        order = claimed().with_payment(a_payment("payment-2", PaymentStatus.REVERSED))
        await storage.save(order)
        assert await storage.begin().orders.get(ORDER) == order

    # --- reading ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("find", FIND.values(), ids=FIND)
    async def test_an_unknown_order_is_not_found(self, storage: Storage, find: Find) -> None:
        await storage.save(claimed("payment-2", created_event("order-2")))
        assert await find(storage.begin()) is None
        assert await storage.begin().orders.get_many([]) == {}

    @pytest.mark.parametrize("find", FIND.values(), ids=FIND)
    async def test_an_order_is_found_and_guarded_by_what_was_read(
        self, storage: Storage, find: Find
    ) -> None:
        await storage.save(PAID)
        await storage.save(claimed("payment-2", created_event("order-2")))
        first, second = storage.begin(), storage.begin()
        for work in (first, second):
            order = await find(work)
            assert order == PAID
            work.orders.save(order.complete())
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    @settings(max_examples=times(25), suppress_health_check=_SHARED)
    @given(order=orders())
    async def test_an_order_is_read_as_it_was_saved(self, storage: Storage, order: Order) -> None:
        order = numbered(order, next(_numbers))
        await storage.save(order)
        found = await storage.read(order.id)
        assert oldest_first(found) == oldest_first(order)
        assert await storage.begin().orders.get_many([order.id]) == {order.id: found}
        for payment in order.payments:
            assert await storage.begin().orders.find_by_payment(payment.id) == found

    async def test_an_order_is_read_as_it_was_saved_last(self, storage: Storage) -> None:
        for order in history_of_an_order():
            await storage.save(order)
            assert await storage.read() == order

    async def test_every_step_of_an_authorization_is_read_as_it_was_saved(
        self, storage: Storage
    ) -> None:
        for number, history in enumerate(HISTORIES_OF_AUTHORIZATIONS):
            for order in accumulate(history, lambda order, step: step(order), initial=HELD):
                same = numbered(order, number)
                await storage.save(same)
                assert await storage.read(same.id) == same

    async def test_an_authorized_payment_is_found_by_its_charge(self, storage: Storage) -> None:
        await storage.save(HELD)
        for find in FIND.values():
            assert await find(storage.begin()) == HELD

    async def test_an_authorized_payment_is_due_when_its_end_is_near(
        self, storage: Storage
    ) -> None:
        await storage.save(HELD)
        due_at = HELD.payment(PAYMENT).next_check_at
        assert due_at is not None
        assert await storage.begin().orders.find_due(due_at - timedelta(seconds=1), 10) == []
        assert await storage.begin().orders.find_due(due_at, 10) == [ORDER]

    async def test_a_claim_that_has_not_seen_the_authorization_is_a_conflict(
        self, storage: Storage
    ) -> None:
        await storage.save(an_order())
        late = storage.begin()
        order = await late.orders.get(ORDER)
        assert order is not None
        late.orders.save(start_payment(order, "payment-2"))
        await storage.save(HELD)
        with pytest.raises(Conflict):
            await late.commit()
        with pytest.raises(PaymentInProgress):
            start_payment(await storage.read(), "payment-2")

    @pytest.mark.parametrize(
        "replica",
        [
            shipped_event(version=7),
            shipped_event(version=7, minor_units=2**40),
            shipped_event(version=2).merge(created_event(version=5)),
            *(created_event(capture=mode) for mode in CaptureMode),
            cancelled_event(version=7),
            created_event(expires_at=datetime.max.replace(tzinfo=UTC)),
            created_event(expires_at=datetime.min.replace(tzinfo=UTC)),
            created_event(expires_at=NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))),
            created_event(expires_at=NOW + timedelta(microseconds=1)),
        ],
    )
    async def test_every_event_alone_is_stored(
        self, storage: Storage, replica: OrderReplica
    ) -> None:
        await storage.save(an_order(replica=replica))
        found = await storage.read()
        assert found == an_order(replica=replica)
        assert found.replica.is_expired(NOW) == replica.is_expired(NOW)

    async def test_an_order_of_which_only_a_payment_is_known_is_stored(
        self, storage: Storage
    ) -> None:
        unknown = Order(OrderReplica.unknown(ORDER))
        adopted = unknown.adopt(claimed().payment(PAYMENT), charged(), NOW)
        await storage.save(adopted)
        for find in FIND.values():
            assert await find(storage.begin()) == adopted

    async def test_a_thousand_orders_are_written_and_read_at_once(self, storage: Storage) -> None:
        many = [OrderId(f"order-{number}") for number in range(1_000)]
        for version in (0, 1):
            work = storage.begin()
            assert len(await work.orders.get_many(many)) == version * len(many)
            for order_id in many:
                work.orders.save(an_order(replica=created_event(order_id, version)))
            await work.commit()
        found = await storage.begin().orders.get_many([*many, OrderId("unknown")])
        assert {order.id for order in found.values()} == set(many)
        assert {order.replica.version for order in found.values()} == {1}

    # --- due checks ------------------------------------------------------------------------------

    async def test_due_orders_come_longest_due_first(self, storage: Storage) -> None:
        for seconds, number in enumerate((3, 1, 2)):
            replica = created_event(f"order-{number}")
            await storage.save(claimed(f"payment-{number}", replica, after(seconds=seconds)))
        await storage.save(an_order(replica=created_event("order-4")))
        first_check, later = NOW + FIRST_CHECK_AFTER, after(hours=1)
        find_due = storage.begin().orders.find_due
        assert await find_due(first_check - timedelta(seconds=1), 10) == []
        assert await find_due(first_check, 10) == ["order-3"]
        assert await find_due(later, 10) == ["order-3", "order-1", "order-2"]
        assert await find_due(later, 2) == ["order-3", "order-1"]

    async def test_an_order_with_several_due_checks_is_found_once(self, storage: Storage) -> None:
        order = PAID
        for number in (1, 2):
            order = order.reserve_refund(RefundId(f"refund-{number}"), PAYMENT, 1, "requested", NOW)
        await storage.save(order)
        assert await storage.begin().orders.find_due(NOW, 10) == []
        assert await storage.begin().orders.find_due(after(hours=1), 10) == [ORDER]

    # --- all or nothing --------------------------------------------------------------------------

    async def test_all_is_written_at_commit_and_nothing_before(self, storage: Storage) -> None:
        abandoned, work = storage.begin(), storage.begin()
        for each in (abandoned, work):
            each.orders.save(claimed())
            each.outbox.add(FAILED)
            each.inbox.add(NOTIFICATION)
        await nothing_was_written(storage)
        del abandoned
        await work.commit()
        assert await storage.read() == claimed()
        assert await storage.unsent() == [FAILED]
        assert await storage.begin().inbox.has(NOTIFICATION)
        await storage.begin().commit()  # an empty commit is harmless

    @pytest.mark.parametrize("number", [0, 1, 2], ids="{} orders".format)
    @pytest.mark.parametrize("kind", [*BESIDE, "all"])
    async def test_what_is_written_beside_orders_that_were_read(
        self, storage: Storage, kind: str, number: int
    ) -> None:
        ids = [OrderId(f"order-{each}") for each in range(number)]
        await storage.save(*(an_order(replica=created_event(each)) for each in ids))
        await storage.defer(CHARGE_NOTIFICATIONS[0])
        await bind(storage)
        work = storage.begin()
        for order in (await work.orders.get_many(ids)).values():
            work.orders.save(start_payment(order, f"payment-of-{order.id}"))
        kinds = BESIDE.keys() if kind == "all" else {kind}
        for each in kinds:
            BESIDE[each](work)
        await work.commit()
        stored = [(await storage.read(each)).payments[0].id for each in ids]
        assert stored == [f"payment-of-{each}" for each in ids]
        position = await storage.positions.read(*KEY)
        assert position is not None
        deferred = await storage.deferred(after(seconds=1))
        found = {
            "an event": await storage.unsent() == [FAILED],
            "a notification": await storage.begin().inbox.has(NOTIFICATION),
            "a deferred one": CHARGE_NOTIFICATIONS[1] in deferred,
            "a removed one": CHARGE_NOTIFICATIONS[0] not in deferred,
            "a position": position.applied == 3,
        }
        assert {each for each, is_written in found.items() if is_written} == kinds

    async def test_a_conflict_writes_nothing(self, storage: Storage) -> None:
        one, other, *_ = CHARGE_NOTIFICATIONS
        await storage.defer(one)
        await storage.save(an_order(replica=created_event("order-2")))
        late = storage.begin()
        late.orders.save(claimed())
        late.orders.save(an_order(replica=created_event("order-2", version=1)))  # not read
        late.outbox.add(FAILED)
        late.inbox.add(NOTIFICATION)
        late.inbox.defer(other, NOW)
        late.inbox.remove_deferred(one.id)
        with pytest.raises(Conflict):
            await late.commit()
        await nothing_was_written(storage)
        assert (await storage.read("order-2")).replica.version == 0
        assert await storage.deferred(after(seconds=1)) == [one]

    # --- conflicts -------------------------------------------------------------------------------

    async def test_the_second_unit_to_add_an_order_has_a_conflict(self, storage: Storage) -> None:
        first, second = storage.begin(), storage.begin()
        for number, work in enumerate((first, second)):
            assert await work.orders.get(ORDER) is None
            work.orders.save(claimed(f"payment-{number}"))
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert await storage.read() == claimed("payment-0")

    async def test_reading_alone_is_never_a_conflict(self, storage: Storage) -> None:
        await storage.save(an_order())
        reader = storage.begin()
        await reader.orders.get(ORDER)
        await storage.save(claimed())
        reader.inbox.add(NOTIFICATION)
        await reader.commit()

    async def test_of_twenty_concurrent_claims_one_succeeds(self, storage: Storage) -> None:
        await storage.save(an_order())
        retry = RetryOnConflict(storage.begin)

        async def claim(number: int) -> str:
            async def decision(work: UnitOfWork) -> str:
                order = await work.orders.get(ORDER)
                assert order is not None
                work.orders.save(start_payment(order, f"payment-{number}"))
                return f"payment-{number}"

            return await retry(decision)

        async with asyncio.timeout(SECONDS):
            claims = await asyncio.gather(*map(claim, range(20)), return_exceptions=True)
        [winner] = [each for each in claims if not isinstance(each, PaymentInProgress)]
        assert [payment.id for payment in (await storage.read()).payments] == [winner]

    async def test_concurrent_batches_that_overlap_are_all_written(self, storage: Storage) -> None:
        order_ids = [OrderId(f"order-{number}") for number in range(50)]
        retry = RetryOnConflict(storage.begin)

        async def merge(batch: list[OrderId]) -> None:
            async def decision(work: UnitOfWork) -> None:
                found = await work.orders.get_many(batch)
                for order_id in batch:
                    order = found.get(order_id, an_order(replica=created_event(order_id)))
                    replica = evolve(order.replica, version=order.replica.version + 1)
                    work.orders.save(evolve(order, replica=replica))

            await retry(decision)

        batches = (order_ids, order_ids[::-1], order_ids[10:40])
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*map(merge, batches))
        found = await storage.begin().orders.get_many(order_ids)
        assert sum(order.replica.version for order in found.values()) == 50 + 50 + 30

    # --- the inbox and the outbox ----------------------------------------------------------------

    async def test_a_notification_is_deferred_until_its_charge_is_known_or_it_is_too_old(
        self, storage: Storage
    ) -> None:
        work = storage.begin()
        for notification in CHARGE_NOTIFICATIONS:
            work.inbox.defer(notification, NOW)
        assert await storage.deferred(after(seconds=1)) == []
        await work.commit()
        await storage.save(claimed())
        assert await storage.deferred(NOW) == []
        assert await storage.deferred(after(seconds=1)) == CHARGE_NOTIFICATIONS
        await storage.save(PAID)
        assert await storage.deferred(NOW) == CHARGE_NOTIFICATIONS

    async def test_a_notification_is_deferred_until_its_authorized_charge_is_captured(
        self, storage: Storage
    ) -> None:
        await storage.save(HELD)
        for notification in CHARGE_NOTIFICATIONS:
            await storage.defer(notification, NOW)
        assert await storage.deferred(NOW) == []
        assert await storage.deferred(after(seconds=1)) == CHARGE_NOTIFICATIONS
        await storage.save(HELD.settle(PAYMENT, charged(), NOW))
        assert await storage.deferred(NOW) == CHARGE_NOTIFICATIONS

    async def test_the_oldest_deferred_notifications_come_first_and_block_no_others(
        self, storage: Storage
    ) -> None:
        await storage.save(PAID)
        first, second, third, *_ = CHARGE_NOTIFICATIONS
        await storage.defer(evolve(third, id="evt_9", charge_id=ChargeId("ch_unknown")), NOW)
        await storage.defer(second, after(seconds=2))
        await storage.defer(first, after(seconds=1))
        assert await storage.deferred(NOW) == [first, second]
        assert await storage.deferred(NOW, limit=1) == [first]

    async def test_deferring_a_notification_again_changes_nothing(self, storage: Storage) -> None:
        notification = CHARGE_NOTIFICATIONS[0]
        await storage.defer(notification, NOW)
        await storage.defer(notification, after(hours=1))
        assert await storage.deferred(after(seconds=1)) == [notification]

    async def test_a_removed_notification_is_deleted_at_commit(self, storage: Storage) -> None:
        one, other, *_ = CHARGE_NOTIFICATIONS
        for notification in (one, other):
            await storage.defer(notification, NOW)
        work = storage.begin()
        work.inbox.remove_deferred(one.id)
        assert await storage.deferred(after(seconds=1)) == [one, other]
        work.outbox.add(FAILED)
        await work.commit()
        assert await storage.deferred(after(seconds=1)) == [other]
        assert await storage.unsent() == [FAILED]
        work = storage.begin()
        for notification in (one, other):
            work.inbox.remove_deferred(notification.id)
        await work.commit()
        assert await storage.deferred(after(seconds=1)) == []

    @pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "with its effects"])
    async def test_a_notification_is_recorded_once(self, storage: Storage, is_alone: bool) -> None:
        first, second = storage.begin(), storage.begin()
        for work in (first, first, second):
            work.inbox.add(NOTIFICATION)
        if not is_alone:
            second.orders.save(claimed())
            second.outbox.add(FAILED)
        assert not await storage.begin().inbox.has(NOTIFICATION)
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert await storage.begin().inbox.has(NOTIFICATION)
        assert not await storage.begin().inbox.has("evt_2")
        assert await storage.begin().orders.get(ORDER) is None
        assert await storage.unsent() == []

    async def test_an_event_that_exists_already_changes_nothing(self, storage: Storage) -> None:
        await storage.add(FAILED, FAILED)
        await storage.add(FAILED, CREATED)
        assert await storage.unsent() == [FAILED, CREATED]

    async def test_events_about_an_authorization_are_read_as_they_were_added(
        self, storage: Storage
    ) -> None:
        await storage.add(*OF_AUTHORIZATION)
        assert await storage.unsent() == OF_AUTHORIZATION

    async def test_an_event_has_the_trace_context_of_its_cause(self, storage: Storage) -> None:
        await storage.add(CREATED)
        [entry] = await storage.outbox.take("relay", LEASE, 10)
        assert entry.traceparent == TRACEPARENT
        assert entry.recorded_at.tzinfo is not None


async def nothing_was_written(storage: Storage) -> None:
    """Check that the default order, events and the notification are not stored."""
    assert await storage.begin().orders.get(ORDER) is None
    assert await storage.begin().orders.find_by_payment(PAYMENT) is None
    assert await storage.unsent() == []
    assert not await storage.begin().inbox.has(NOTIFICATION)


def history_of_an_order() -> Iterable[Order]:
    """Return the default order after each step from its creation to its end."""
    second, refund_id = PaymentId("payment-2"), RefundId("refund-1")
    dispute = (DisputeId("dp_1"), charged(second).charge_id, PRICE, "fraudulent")
    steps: list[Callable[[Order], Order]] = [
        lambda order: start_payment(order, PAYMENT),
        lambda order: order.settle(PAYMENT, declined(), after(seconds=1)),
        lambda order: start_payment(order, second, after(seconds=2)),
        lambda order: order.settle(second, charged(second), after(seconds=3)),
        lambda order: order.settle(second, charged("again"), after(seconds=3)),
        lambda order: order.reserve_refund(refund_id, second, 100, "requested", after(seconds=4)),
        lambda order: order.apply(cancelled_event(), after(seconds=5)),
        lambda order: order.settle_refund(refund_id, Refunded("re_1", PRICE), after(seconds=6)),
        lambda order: order.record_dispute(*dispute, DisputeStatus.OPEN),
        lambda order: order.record_dispute(*dispute, DisputeStatus.LOST),
    ]
    first = an_order(replica=created_event(expires_at=after(hours=1)))
    return accumulate(steps, lambda order, step: step(order), initial=first)


def _lost(order: Order) -> Order:
    """Send a requested capture again."""
    return order.with_payment(order.schedule_check(order.payment(PAYMENT), after(minutes=1)))


HISTORIES_OF_AUTHORIZATIONS: list[list[Callable[[Order], Order]]] = [
    [
        lambda order: order.request_capture(PAYMENT, 100, after(seconds=1)),
        _lost,
        lambda order: order.apply(shipped_event(minor_units=200), after(minutes=2)),
        lambda order: order.fail_capture(order.payment(PAYMENT), after(minutes=3)),
        lambda order: order.settle(
            PAYMENT, charged(amount=evolve(PRICE, minor_units=200)), after(minutes=4)
        ),
    ],
    [
        lambda order: order.apply(shipped_event(), after(seconds=1)),
        lambda order: order.apply(cancelled_event(version=2), after(seconds=2)),
        lambda order: order.settle(PAYMENT, Declined("canceled"), after(seconds=3)),
    ],
    [
        lambda order: order.void(PAYMENT, "out of stock", after(seconds=1)),
        lambda order: order.settle(PAYMENT, Declined("canceled"), after(seconds=2)),
        lambda order: order.settle(PAYMENT, authorized(), after(seconds=3)),
    ],
]
"""What may become of an authorization."""


def numbered(order: Order, number: int) -> Order:
    """Return the same order with other ids."""

    def renamed(entity: Entity) -> Entity:
        names = {"id", "order_id", "payment_id"} & {each.name for each in fields(type(entity))}
        changes: dict[str, Any] = {name: f"{getattr(entity, name)}-{number}" for name in names}
        return evolve(entity, **changes)

    return Order(
        renamed(order.replica),
        tuple(map(renamed, order.payments)),
        tuple(map(renamed, order.refunds)),
        tuple(map(renamed, order.disputes)),
    )


def oldest_first(order: Order) -> Order:
    """Return the same order, with simultaneous parts sorted by id."""

    def age(entity: Payment | Refund) -> tuple[datetime, str]:
        return entity.created_at, entity.id

    return evolve(
        order,
        payments=tuple(sorted(order.payments, key=age)),
        refunds=tuple(sorted(order.refunds, key=age)),
        disputes=tuple(sorted(order.disputes, key=lambda each: each.id)),
    )
