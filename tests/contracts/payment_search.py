"""The promises of the search of payments."""

from datetime import timedelta

import pytest
from attrs import evolve

from application.ports.payment_search import PaymentFilter, PlaceInList
from domain.identifiers import OrderId, PaymentId, UserId
from domain.payment_status import PaymentStatus
from tests.builders import NOW, OTHER_USER, PAYER, a_payment, an_order, created_event
from tests.contracts.storages import Storage

ANY = PaymentFilter()
AGES = (0, 1, 3_599, 3_600, 3_601, 100_000, 10_000_000, 100_000_000)
"""Seconds; the search reads windows of an hour, and then longer ones."""


async def fill(storage: Storage) -> None:
    """Store payments of these ages, each of its own order, every second one of another user."""
    for number, age in enumerate(AGES):
        order_id = OrderId(f"order-{number}")
        payment = evolve(
            a_payment(f"p{number}", PaymentStatus.FAILED, created_at=NOW - timedelta(seconds=age)),
            order_id=order_id,
            user_id=UserId((PAYER, OTHER_USER)[number % 2]),
            gateway=("stripe", "paypal")[number // 4],
            reference=f"pi_{number}",
        )
        await storage.save(an_order(payment, replica=created_event(order_id)))


async def found(storage: Storage, wanted: PaymentFilter = ANY, limit: int = 100) -> list[str]:
    """Return the ids of all payments that the filter allows, read in pages."""
    ids: list[str] = []
    place: PlaceInList | None = None
    while page := await storage.search.page(wanted, limit, place):
        assert len(page) <= limit
        ids += [each.id for each in page]
        place = PlaceInList(page[-1].created_at, page[-1].id)
    return ids


class PaymentSearchContract:
    """The promises of application/ports/payment_search.py."""

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_every_payment_is_found_once_the_newest_first(
        self, storage: Storage, limit: int
    ) -> None:
        await fill(storage)
        assert await found(storage, limit=limit) == [f"p{each}" for each in range(len(AGES))]

    async def test_payments_of_one_moment_are_found_once(self, storage: Storage) -> None:
        payments = [a_payment(f"p{each}", PaymentStatus.FAILED) for each in range(5)]
        await storage.save(an_order(*payments))
        assert sorted(await found(storage, limit=2)) == ["p0", "p1", "p2", "p3", "p4"]

    @pytest.mark.parametrize(
        ("wanted", "ids"),
        [
            (PaymentFilter(order_id=OrderId("order-3")), [3]),
            (PaymentFilter(order_id=OrderId("missing")), []),
            (PaymentFilter(user_id=UserId(OTHER_USER)), [1, 3, 5, 7]),
            (PaymentFilter(user_id=UserId(PAYER), gateway="paypal"), [4, 6]),
            (PaymentFilter(status=PaymentStatus.FAILED, gateway="stripe"), [0, 1, 2, 3]),
            (PaymentFilter(reference="pi_3"), [3]),
            (PaymentFilter(status=PaymentStatus.SUCCEEDED), []),
            (PaymentFilter(since=NOW - timedelta(seconds=3_600)), [0, 1, 2, 3]),
            (PaymentFilter(until=NOW - timedelta(seconds=3_600)), [4, 5, 6, 7]),
            (PaymentFilter(since=NOW - timedelta(days=2), until=NOW), [1, 2, 3, 4, 5]),
            (PaymentFilter(since=NOW, until=NOW), []),
            (PaymentFilter(since=NOW + timedelta(days=9_999)), []),
        ],
    )
    async def test_a_filter_allows_what_has_all_its_values(
        self, storage: Storage, wanted: PaymentFilter, ids: list[int]
    ) -> None:
        await fill(storage)
        assert await found(storage, wanted, limit=3) == [f"p{each}" for each in ids]

    async def test_a_payment_that_is_claimed_meanwhile_repeats_none(self, storage: Storage) -> None:
        await fill(storage)
        first = await storage.search.page(PaymentFilter(), 2)
        newer = a_payment("newer", PaymentStatus.FAILED, created_at=NOW + timedelta(seconds=1))
        await storage.save(an_order(newer))
        place = PlaceInList(first[-1].created_at, PaymentId(first[-1].id))
        rest = await storage.search.page(PaymentFilter(), 100, place)
        assert [each.id for each in rest] == [f"p{each}" for each in range(2, len(AGES))]
