"""A gateway's books and ours are compared both ways, and made to agree where that is possible."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from adapters.gateways.simulated.attempts import AttemptState
from adapters.persistence.in_memory import InMemoryBacklogReader
from application.application import UseCases
from application.ports.backlog import BacklogKind
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_records import Page, Period
from application.use_cases import reconcile_regularly, reconciliation
from application.use_cases.pay_order import PayOrder
from application.use_cases.reconcile import NotReconciled, Totals
from domain.dispute import DisputeStatus
from domain.identifiers import OrderId, PaymentId
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import ORDER, PAYER, dollars
from tests.world import VISA, World

DEBIT = evolve(VISA, value="pm_usBankAccount_processing")
MINUTES = timedelta(minutes=5)


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


async def no_pause(_seconds: float) -> None:
    """Go on at once."""


async def reconcile(
    world: World, *, repair: bool = True, hours: float = 72
) -> tuple[Totals, list[Difference]]:
    """Reconcile the last time; return what was counted and found."""
    found: list[Difference] = []
    process = world.use_cases("reconciling")
    [at] = process.reconcile_regularly.gateways
    period = Period(world.now() - timedelta(hours=hours), world.now() + timedelta(minutes=1))
    run = evolve(process.reconcile, sleep=no_pause)
    return await run(at, period, found.append, repair=repair), found


def kinds(found: Sequence[Difference]) -> list[tuple[str, bool]]:
    return [(each.kind.value, each.repaired) for each in found]


async def open_differences(world: World) -> list[str]:
    return [
        stored.difference.kind.value
        for stored in world.database.differences.values()
        if stored.resolved_at is None
    ]


async def expect_agreement(world: World) -> None:
    """A second look finds nothing, and nothing is open."""
    _, found = await reconcile(world)
    assert found == []
    assert await open_differences(world) == []
    await world.come_to_rest()


async def pay(process: UseCases, order_id: OrderId = ORDER, token: Any = VISA) -> Payment:
    return (await process.create_charge(PayOrder(order_id, PAYER, token))).payment


async def lose_the_payment(world: World) -> Payment:
    """Pay, and lose all that was stored since before it."""
    backup = world.database.back_up()
    paid = await pay(world.use_cases())
    world.database.restore(backup)
    return paid


def change_amount(world: World, payment_id: PaymentId, minor_units: str) -> None:
    """Let the gateway have charged another amount than we were told."""
    record = world.ledger.records[payment_id]
    attempts = [evolve(each, amount=dollars(minor_units)) for each in record.attempts]
    world.ledger.records[payment_id] = evolve(record, attempts=tuple(attempts))


async def test_books_that_agree_have_no_difference(world: World) -> None:
    await world.create_order()
    await world.pay()
    totals, found = await reconcile(world)
    assert (totals.compared, totals.foreign, found) == (1, 0, [])


async def test_a_lost_charge_of_an_order_that_is_due_is_adopted(world: World) -> None:
    await world.create_order()
    paid = await lose_the_payment(world)
    totals, [found] = await reconcile(world)
    assert totals.compared == 1
    assert (found.kind, found.repaired) == (DifferenceKind.LOST_CHARGE, True)
    assert (found.payment_id, found.order_id) == (paid.id, ORDER)
    assert (found.charge_id, found.ours) == (paid.charge_id, "no payment")
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await expect_agreement(world)


async def test_without_repair_a_difference_is_only_reported(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    for _ in range(2):
        _, found = await reconcile(world, repair=False)
        assert kinds(found) == [("lost_charge", False)]
    assert world.order().payments == ()
    assert await open_differences(world) == ["lost_charge"]
    _, found = await reconcile(world)
    assert kinds(found) == [("lost_charge", True)]
    await expect_agreement(world)


async def test_a_lost_charge_of_a_cancelled_order_is_given_back(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    await world.cancel_order()
    _, [found] = await reconcile(world)
    assert found.repaired
    assert found.reason == "given back: order_cancelled"
    await world.come_to_rest()
    assert world.balance == 0
    await expect_agreement(world)


async def test_a_charge_of_an_order_that_was_paid_by_another_is_given_back(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    without_list = evolve(world, gateway_type=World().gateway_type)
    await pay(without_list.use_cases())
    _, [found] = await reconcile(world)
    assert (found.repaired, found.reason) == (True, "given back: order_already_paid")
    await world.come_to_rest()
    assert world.balance == 10_000
    await expect_agreement(world)


async def test_a_payment_in_progress_is_no_difference(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    _, found = await reconcile(world)
    assert found == []
    world.advance(minutes=5)
    _, found = await reconcile(world)
    assert kinds(found) == [("lost_charge", True)]
    await expect_agreement(world)


async def test_a_refund_by_others_is_recorded(world: World) -> None:
    await world.create_order()
    await world.pay()
    reference = await world.gateway.refund_externally(world.payment().id, dollars("60"))
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.EXTERNAL_REFUND, True)
    assert (found.refund_id, found.theirs) == (reference, "succeeded: 6000 usd")
    [refund] = world.order().refunds
    assert (refund.amount, refund.status) == (dollars("60"), RefundStatus.SUCCEEDED)
    await expect_agreement(world)


async def test_a_lost_refund_is_ours_again(world: World) -> None:
    await world.create_order()
    await world.pay()
    backup = world.database.back_up()
    made = await world.use_cases().refund_payment(world.payment().id, 4000, "damaged")
    world.database.restore(backup)
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.LOST_REFUND, True)
    [refund] = world.order().refunds
    assert (refund.id, refund.status, refund.reason) == (made.id, RefundStatus.SUCCEEDED, "damaged")
    await expect_agreement(world)


async def test_a_refund_that_fails_late_is_recorded(world: World) -> None:
    await world.create_order()
    await world.pay()
    made = await world.use_cases().refund_payment(world.payment().id, 4000, "damaged")
    await world.gateway.finish_refund(world.payment().id, made.id, succeeded=False)
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.LATE_FAILURE, True)
    assert world.order().refunds[0].status is RefundStatus.FAILED
    await expect_agreement(world)


@pytest.mark.parametrize("status", list(DisputeStatus))
async def test_a_dispute_is_recorded(world: World, status: DisputeStatus) -> None:
    await world.create_order()
    await world.pay()
    await world.gateway.dispute_externally(world.payment().id, status)
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.DISPUTE, True)
    assert [each.status for each in world.order().disputes] == [status]
    await expect_agreement(world)


async def test_the_end_of_a_dispute_is_recorded(world: World) -> None:
    await world.create_order()
    await world.pay()
    await world.gateway.dispute_externally(world.payment().id, DisputeStatus.OPEN)
    await reconcile(world)
    await world.gateway.dispute_externally(world.payment().id, DisputeStatus.LOST)
    _, [found] = await reconcile(world)
    assert (found.ours, found.theirs) == ("open", "lost: 10000 usd")
    await expect_agreement(world)


async def test_money_that_did_not_come_is_recorded(world: World) -> None:
    await world.create_order()
    await world.pay(DEBIT)
    assert world.payment().status is PaymentStatus.PENDING
    await world.gateway.finish_debit(world.payment().id, succeeded=False)
    world.advance(minutes=5)
    _, [found] = await reconcile(world)
    assert (found.kind, found.repaired) == (DifferenceKind.LATE_FAILURE, True)
    assert world.payment().status is PaymentStatus.FAILED
    await expect_agreement(world)


async def test_a_charge_that_fails_after_it_succeeded_is_for_a_person(world: World) -> None:
    await world.create_order()
    await world.pay(DEBIT)
    payment = world.payment()
    await world.gateway.finish_debit(payment.id, succeeded=True)
    await world.deliver_notifications()
    world.advance(minutes=5)
    await reconcile(world)
    assert world.payment().status is PaymentStatus.SUCCEEDED
    record = world.ledger.records[payment.id]
    failed = [evolve(each, state=AttemptState.DECLINED) for each in record.attempts]
    world.ledger.records[payment.id] = evolve(record, attempts=tuple(failed))
    for _ in range(2):
        _, [found] = await reconcile(world)
        assert (found.kind, found.repaired) == (DifferenceKind.LATE_FAILURE, False)
    assert await open_differences(world) == ["late_failure"]


async def test_amounts_that_differ_are_for_a_person(world: World) -> None:
    await world.create_order()
    await world.pay()
    change_amount(world, world.payment().id, "90")
    for _ in range(2):
        _, [found] = await reconcile(world)
        assert (found.kind, found.repaired) == (DifferenceKind.AMOUNT, False)
        assert (found.ours, found.theirs) == ("10000 usd", "9000 usd")
        assert found.reason == "for a person: no money is moved"
    assert world.refunds == []
    backlog = await InMemoryBacklogReader(world.database).find_oldest(10)
    [difference] = [each for each in backlog if each.kind is BacklogKind.DIFFERENCE]
    assert (difference.belongs_to, difference.detail) == (world.payment().id, "amount")
    change_amount(world, world.payment().id, "100")
    world.advance(seconds=1)
    await expect_agreement(world)


async def test_a_lost_charge_of_another_amount_goes_to_review(world: World) -> None:
    await world.create_order()
    paid = await lose_the_payment(world)
    change_amount(world, paid.id, "90")
    for _ in range(2):
        _, [found] = await reconcile(world)
        assert (found.kind, found.repaired) == (DifferenceKind.AMOUNT, False)
        assert found.reason == "in review: amount_mismatch"
    assert world.payment().status is PaymentStatus.REVIEW
    assert world.refunds == []


async def test_a_payment_that_the_gateway_does_not_know_is_for_a_person(world: World) -> None:
    await world.create_order()
    await world.pay()
    del world.ledger.records[world.payment().id]
    _, found = await reconcile(world)
    assert found == []  # it may be listed late
    world.advance(minutes=5)
    for _ in range(2):
        _, [found_one] = await reconcile(world)
        assert (found_one.kind, found_one.repaired) == (DifferenceKind.PAYMENT_UNKNOWN, False)
        assert (found_one.ours, found_one.theirs) == ("succeeded: 10000 usd", "nothing")
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_a_payment_that_was_charged_later_than_it_was_claimed_is_known(world: World) -> None:
    await world.create_order()
    await world.pay()
    record = world.ledger.records[world.payment().id]
    later = [evolve(each, captured_at=world.now() + MINUTES * 24) for each in record.attempts]
    world.ledger.records[world.payment().id] = evolve(record, attempts=tuple(later))
    world.advance(minutes=10)
    _, found = await reconcile(world)
    assert found == []


async def test_charges_of_another_database_on_the_account_are_counted_only(world: World) -> None:
    await world.create_order()
    await world.pay()
    world.database.identity = "another-one"
    totals, found = await reconcile(world)
    assert (totals.compared, totals.foreign, found) == (0, 1, [])


async def test_a_list_that_fails_half_way_goes_on_where_it_was(world: World) -> None:
    orders = [await world.create_order(f"order-{number:03}") for number in range(120)]
    backup = world.database.back_up()
    process = world.use_cases()
    for order_id in orders:
        await pay(process, order_id)
    world.database.restore(backup)
    asked: list[str | None] = []

    class Failing(InMemoryGateway):
        """Fails once, at the second page of charges."""

        async def charge_records(self, period: Period, cursor: str | None) -> Page[Any]:
            asked.append(cursor)
            if cursor is not None and asked.count(cursor) == 1:
                world.faults.add("list_records", GatewayFaultKind.REQUEST_LOST)
            return await super().charge_records(period, cursor)

    world.gateway_type = Failing
    totals, found = await reconcile(world)
    assert (totals.compared, len(found)) == (120, 120)
    assert all(each.repaired for each in found)
    assert asked.count(None) == 1
    await expect_agreement(world)


async def test_a_gateway_that_stays_away_is_reported_and_continued(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    for _ in range(3):
        world.faults.add("list_records", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(NotReconciled, match="in_memory could not be reconciled after"):
        await reconcile(world)
    _, found = await reconcile(world)
    assert kinds(found) == [("lost_charge", True)]


async def test_more_charges_than_fit_are_compared_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "MAX_SEEN", 3)
    for number in range(10):
        order_id = await world.create_order(f"order-{number}")
        await world.pay(order_id=order_id)
        world.advance(minutes=30)
    totals, found = await reconcile(world)
    assert (totals.compared, found) == (10, [])


async def test_two_at_once_repair_each_difference_once(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    await world.cancel_order()
    processes = [world.use_cases(f"worker-{number}") for number in range(2)]
    await asyncio.gather(*(process.reconcile_regularly.run_once() for process in processes))
    await world.come_to_rest()
    assert len(world.refunds) == 1
    await expect_agreement(world)


async def test_a_worker_reconciles_at_its_start_and_every_hour(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    assert await process.reconcile_regularly.run_once() == 0
    await world.pay()
    await world.gateway.refund_externally(world.payment().id, dollars("10"))
    assert await process.reconcile_regularly.run_once() == 0  # not due yet
    world.advance(minutes=61)
    assert await process.reconcile_regularly.run_once() == 1
    assert await process.reconcile_regularly.run_once() == 0
    await expect_agreement(world)


async def test_a_worker_goes_on_where_it_was_interrupted(world: World) -> None:
    await world.create_order()
    await lose_the_payment(world)
    process = world.use_cases()
    regularly = process.reconcile_regularly
    regularly.reconcile = evolve(regularly.reconcile, sleep=no_pause)
    for _ in range(3):
        world.faults.add("list_records", GatewayFaultKind.UNREACHABLE)
    assert await regularly.run_once() == 0
    world.advance(seconds=reconcile_regularly.RETRY_AFTER.total_seconds())
    assert await regularly.run_once() == 1
    await expect_agreement(world)
