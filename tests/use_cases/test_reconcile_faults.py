"""What one strange record or reply does to a reconciliation: it stops nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.differences import DifferenceKind
from application.ports.gateway_history import UnreadableCharge
from application.ports.gateway_notifications import UnusableNotification
from application.ports.gateway_records import ChargeRecord, ListedDispute, Page, Period
from application.ports.payment_gateway import LookupRefused, OutcomeUnknown
from application.use_cases import reconcile_charges, reconcile_lookups
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconcile import NotReconciled
from application.use_cases.reconcile_lookups import MAX_UNANSWERED
from domain.dispute import DisputeStatus
from domain.identifiers import PaymentId
from domain.outcome import Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import NOW, dollars
from tests.simulation.bug import Bug
from tests.use_cases.test_reconcile import (
    expect_agreement,
    kinds,
    lose_the_payment,
    open_differences,
    reconcile,
)
from tests.use_cases.test_reconcile import pay as charge
from tests.world import World


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


class Odd(InMemoryGateway):
    """A gateway that lists and finds some payments otherwise than others."""

    hidden: Sequence[PaymentId] = ()
    unreadable: Sequence[UnreadableCharge] = ()
    error: Exception | None = None

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        page = await super().charge_records(period, cursor)
        listed = [each for each in page.records if _id_of(each) not in self.hidden]
        return evolve(page, records=[*listed, *self.unreadable])

    async def find(self, payment: Payment) -> Outcome | None:
        if payment.id in self.hidden and self.error is not None:
            raise self.error
        return await super().find(payment)


def _id_of(record: ChargeRecord) -> PaymentId | None:
    return None if isinstance(record, UnreadableCharge) else record.payment.id


async def pay(world: World, number: int) -> list[PaymentId]:
    """Pay so many orders, five minutes ago."""
    orders = [await world.create_order(f"order-{each}") for each in range(number)]
    for order_id in orders:
        await world.pay(order_id=order_id)
    world.advance(minutes=5)
    return [world.database.orders[each][1].payments[0].id for each in orders]


@pytest.mark.parametrize("error", [OutcomeUnknown("its status is new"), ValueError("secret")])
async def test_a_payment_that_the_gateway_cannot_tell_of_stops_no_other(
    world: World, error: Exception
) -> None:
    strange, disputed, unknown = await pay(world, 3)
    await world.gateway.dispute_externally(disputed, DisputeStatus.OPEN)
    del world.ledger.records[unknown]

    class Strange(Odd):
        """Cannot tell of one payment."""

        hidden = (strange,)

    Strange.error = error
    world.gateway_type = Strange
    for disputes in ([("dispute", True)], []):
        totals, found = await reconcile(world)
        assert totals.compared == 1
        assert kinds(found) == [("unreadable", False), ("payment_unknown", False), *disputes]
        assert "secret" not in str(found[0].reason)
    Strange.error = None
    world.advance(seconds=1)
    _, found = await reconcile(world)
    assert kinds(found) == [("payment_unknown", False)]
    assert await open_differences(world) == ["payment_unknown"]


async def test_a_look_up_that_never_ends_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_lookups, "LOOKUP_SECONDS", 0.1)
    strange, unknown = await pay(world, 2)
    del world.ledger.records[unknown]

    class Hanging(Odd):
        """Never answers about one payment."""

        hidden = (strange,)

        async def find(self, payment: Payment) -> Outcome | None:
            if payment.id == strange:
                await asyncio.sleep(60)
            return await super().find(payment)

    world.gateway_type = Hanging
    async with asyncio.timeout(30):
        _, found = await reconcile(world)
    assert kinds(found) == [("unreadable", False), ("payment_unknown", False)]


async def test_a_gateway_that_can_tell_of_none_is_not_reconciled(world: World) -> None:
    paid = await pay(world, MAX_UNANSWERED + 1)

    class Away(Odd):
        """Cannot tell of any payment."""

        hidden = paid
        error: Exception | None = OutcomeUnknown("no connection")

    world.gateway_type = Away
    with pytest.raises(NotReconciled, match="no connection"):
        await reconcile(world)
    Away.error = None
    world.advance(seconds=1)
    await expect_agreement(world)


@pytest.mark.parametrize("created_at", [NOW, None])
async def test_what_can_be_read_again_is_resolved(world: World, created_at: Any) -> None:
    [payment_id] = await pay(world, 1)
    notification = UnusableNotification("event-1", "its status is new", payment_id)

    class Newer(Odd):
        """Has something that cannot be read."""

        unreadable: Sequence[UnreadableCharge] = (
            UnreadableCharge(notification, b"{}", created_at),
        )

    world.gateway_type = Newer
    _, [found] = await reconcile(world, hours=24)
    assert (found.kind, found.repaired) == (DifferenceKind.UNREADABLE, False)
    Newer.unreadable = ()
    world.advance(minutes=5)
    hours_longer = (MARGIN.total_seconds() + 300) / 3600
    _, left = await reconcile(world, hours=24 if created_at else 24 + hours_longer)
    assert left == []
    assert await open_differences(world) == []


async def test_a_list_that_does_not_end_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.ports.gateway_records.LOOKUP_SECONDS", 0.001)

    class Endless(InMemoryGateway):
        """Never replies to a request for a list."""

        async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
            await asyncio.Event().wait()
            raise AssertionError

    world.gateway_type = Endless
    with pytest.raises(NotReconciled, match="`charge_records` took more than"):
        await reconcile(world)


async def test_a_refused_list_does_not_hide_what_is_charged_later(world: World) -> None:
    class Restricted(InMemoryGateway):
        """A connection whose key may not read disputes."""

        async def dispute_records(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
            raise LookupRefused("the key may not read disputes")

    world.gateway_type = Restricted
    worker = world.use_cases().reconcile_regularly
    assert await worker.run_once() == 0
    world.advance(minutes=90)
    await world.create_order()
    await lose_the_payment(world)
    assert await worker.run_once() == 1
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_workers_and_a_webhook_at_once_give_back_once(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    await world.cancel_order()
    workers = [world.use_cases(f"worker-{number}") for number in range(2)]
    await asyncio.gather(
        *(each.reconcile_regularly.run_once() for each in workers), world.deliver_notifications()
    )
    await world.come_to_rest()
    assert len(world.refunds) == 1
    await expect_agreement(world)


async def test_a_refund_that_is_lost_with_its_charge_is_not_given_back_again(world: World) -> None:
    await world.create_order()
    backup = world.database.back_up()
    await charge(world.use_cases())
    await world.use_cases().refund_payment(world.payment().id, 4000, "damaged")
    world.database.restore(backup)
    await world.cancel_order()
    _, found = await reconcile(world)
    assert kinds(found) == [("lost_charge", True), ("lost_refund", True)]
    await world.come_to_rest()
    assert [each.amount for each in world.refunds] == [dollars("40"), dollars("60")]
    await expect_agreement(world)


async def test_of_two_lost_charges_of_an_order_one_is_given_back(world: World) -> None:
    await world.create_order()
    backup = world.database.back_up()
    await charge(world.use_cases())
    world.database.restore(backup)
    await charge(evolve(world, gateway_type=World().gateway_type).use_cases())
    world.database.restore(backup)
    _, found = await reconcile(world)
    assert [each.reason for each in found] == [None, "given back: order_already_paid"]
    await world.come_to_rest()
    assert world.balance == 10_000
    await expect_agreement(world)


async def _anybodys(*_: object) -> bool:
    return True


FOREIGN_IS_ADOPTED = Bug(
    "a foreign charge is adopted", reconcile_charges, "is_issued_by", _anybodys
)


async def _foreign_charges_touched(world: World) -> bool:
    await world.create_order()
    await lose_the_payment(world)
    world.database.identity = "another-one"
    before = world.order(), tuple(world.refunds)
    totals, found = await reconcile(world)
    is_counted = (totals.compared, totals.foreign, found) == (0, 1, [])
    return not is_counted or (world.order(), tuple(world.refunds)) != before


async def test_a_foreign_charge_is_left_alone_and_the_bug_that_adopts_it_is_found(
    world: World,
) -> None:
    assert not await _foreign_charges_touched(world)
    with FOREIGN_IS_ADOPTED.planted():
        assert await _foreign_charges_touched(World(gateway_type=InMemoryGateway))
