"""The promises of a unit of work that continues another one."""

import pytest

from application.ports.unit_of_work import Conflict, UnitOfWork
from application.retry import RetryOnConflict
from domain.order import Order
from domain.payment_status import PaymentStatus
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    an_order,
    cancelled_event,
    charged,
    claimed,
    created_event,
    start_payment,
)
from tests.contracts.storages import Storage


async def claim(storage: Storage) -> UnitOfWork:
    """Claim the default order, and continue."""
    await storage.save(an_order())
    work = storage.begin()
    order = await work.orders.get(ORDER)
    assert order is not None
    work.orders.save(start_payment(order, PAYMENT))
    await work.commit()
    return work.continued()


async def settle(work: UnitOfWork) -> Order:
    """Decide that the default payment has succeeded."""
    order = await work.orders.find_by_payment(PAYMENT)
    assert order is not None
    settled = order.settle(PAYMENT, charged(), NOW)
    work.orders.save(settled)
    return settled


class ContinuedWorkContract:
    """The promises of application/ports/unit_of_work.py about `continued`."""

    async def test_it_has_read_what_the_first_one_wrote(self, storage: Storage) -> None:
        work = await claim(storage)
        assert await work.orders.get(ORDER) == claimed()
        assert await work.orders.find_by_payment(PAYMENT) == claimed()
        await settle(work)
        await work.commit()
        assert (await storage.read()).payment(PAYMENT).status is PaymentStatus.SUCCEEDED

    async def test_it_can_be_continued_again(self, storage: Storage) -> None:
        work = await claim(storage)
        settled = await settle(work)
        await work.commit()
        third = work.continued()
        assert await third.orders.get(ORDER) == settled
        third.orders.save(settled.apply(cancelled_event(), NOW))
        await third.commit()
        assert (await storage.read()).is_cancelled

    async def test_it_knows_what_was_read_and_not_written(self, storage: Storage) -> None:
        await storage.save(claimed())
        first = storage.begin()
        await first.orders.get(ORDER)
        await first.commit()
        work = first.continued()
        await settle(work)
        await work.commit()
        assert (await storage.read()).payment(PAYMENT).status is PaymentStatus.SUCCEEDED

    async def test_it_inserts_an_order_and_then_writes_it(self, storage: Storage) -> None:
        first = storage.begin()
        first.orders.save(an_order())
        await first.commit()
        work = first.continued()
        assert await work.orders.get(ORDER) == an_order()
        work.orders.save(claimed())
        await work.commit()
        assert await storage.read() == claimed()

    async def test_it_finds_other_orders_in_the_database(self, storage: Storage) -> None:
        other = claimed("payment-2", created_event("order-2"))
        work = await claim(storage)
        await storage.save(other)
        assert await work.orders.get(other.id) == other
        assert await work.orders.find_by_payment(other.payments[0].id) == other

    @pytest.mark.parametrize("times", [1, 2])
    async def test_it_has_a_conflict_if_its_order_was_written_since(
        self, storage: Storage, times: int
    ) -> None:
        work = await claim(storage)
        cancelled = claimed().apply(cancelled_event(), NOW)
        for _ in range(times):
            await storage.save(cancelled)
        await settle(work)
        with pytest.raises(Conflict):
            await work.commit()
        assert await storage.read() == cancelled

    async def test_after_its_conflict_the_decision_runs_on_what_is_stored(
        self, storage: Storage
    ) -> None:
        work = await claim(storage)
        await storage.save(claimed().apply(cancelled_event(), NOW))
        decided = await RetryOnConflict(storage.begin)(settle, work)
        assert decided.payment(PAYMENT).status is PaymentStatus.REVERSED
        assert await storage.read() == decided
