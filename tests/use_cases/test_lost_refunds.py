"""A refund of ours that the database has lost is ours again, however it is found."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from adapters.persistence.in_memory.tables import Backup
from application.ports.alerts import AlertKind
from application.ports.payment_gateway import GatewayUnavailable
from application.use_cases.refund_payment import LostRefundsFound
from domain.identifiers import RefundId
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus
from domain.refund_rules import RefundExceedsPayment
from tests.builders import PRICE, dollars
from tests.world import World

SIXTY = dollars("60")
REFUND = RefundId("an operator's")


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


async def pay_and_refund(world: World, minor_units: int | None = SIXTY.minor_units) -> Backup:
    """Pay an order and give back a part; return the database from before the refund."""
    await world.create_order()
    await world.pay()
    backup = world.database.back_up()
    await world.use_cases().refund_payment(world.payment().id, minor_units, "damaged", REFUND)
    await world.use_cases().relay_outbox.run_once()
    return backup


def refunded_events(world: World) -> list[tuple[str, Any]]:
    """Return the id and the content of each event about a refund, repeated ones once."""
    found = {each.id: each.body for each in world.events if each.subject == "payment:refunded"}
    return sorted(found.items())


async def by_webhook(world: World) -> None:
    await world.deliver_notifications()


async def by_comparison(world: World) -> None:
    await world.use_cases().books_guards.default.run_once()


async def by_repeating_the_request(world: World) -> None:
    await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units, "damaged", REFUND)


FINDERS = [by_webhook, by_comparison, by_repeating_the_request]


@pytest.mark.parametrize("find", FINDERS)
async def test_a_lost_refund_is_found_under_its_own_id_and_published_with_the_same_content(
    world: World, find: Callable[[World], Awaitable[None]]
) -> None:
    backup = await pay_and_refund(world)
    (before,), published = world.order().refunds, refunded_events(world)
    world.database.restore(backup)
    assert not world.order().refunds
    await find(world)
    (refund,) = world.order().refunds
    assert (refund.id, refund.reason, refund.amount) == (REFUND, "damaged", SIXTY)
    assert (refund.key, refund.reference) == (before.key, before.reference)
    assert refund.status is RefundStatus.SUCCEEDED
    await world.come_to_rest()
    assert refunded_events(world) == published
    assert len(world.refunds) == 1


@pytest.mark.parametrize("hours", [0, 48])
async def test_a_repeated_request_does_not_give_the_money_back_twice(
    world: World, hours: int
) -> None:
    backup = await pay_and_refund(world)
    world.database.restore(backup)
    world.advance(hours=hours)  # the gateway forgets idempotency keys after a day
    for _ in range(2):
        again: Refund = await world.use_cases().refund_payment(
            world.payment().id, SIXTY.minor_units, "damaged", REFUND
        )
        assert (again.id, again.status) == (REFUND, RefundStatus.SUCCEEDED)
    assert [each.amount for each in world.refunds] == [SIXTY]
    await world.come_to_rest()


@pytest.mark.parametrize("is_listed", [True, False])
async def test_another_request_for_a_part_is_refused_once_if_a_lost_refund_is_found(
    world: World, is_listed: bool
) -> None:
    await world.create_order()
    await world.pay()
    if not is_listed:  # the mark is later than the charge
        world.advance(hours=1)
        await by_comparison(world)
    backup = world.database.back_up()
    await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units)
    world.database.restore(backup)
    process, payment_id = world.use_cases(), world.payment().id
    with pytest.raises(LostRefundsFound):
        await process.refund_payment(payment_id, dollars("10").minor_units)
    assert [each.amount for each in world.refunds] == [SIXTY]
    await process.refund_payment(payment_id, dollars("10").minor_units)
    with pytest.raises(RefundExceedsPayment):
        await process.refund_payment(payment_id, SIXTY.minor_units)
    await world.come_to_rest()


async def test_a_request_for_more_than_a_found_refund_has_left_says_so_at_once(
    world: World,
) -> None:
    backup = await pay_and_refund(world)
    world.database.restore(backup)
    with pytest.raises(RefundExceedsPayment):
        await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units)
    assert [each.amount for each in world.refunds] == [SIXTY]
    await world.come_to_rest()


async def test_all_that_is_left_is_asked_of_the_gateway_after_a_loss(world: World) -> None:
    backup = await pay_and_refund(world)
    world.database.restore(backup)
    refund = await world.use_cases().refund_payment(world.payment().id)
    assert refund.amount == dollars("40")
    assert world.balance == 0
    await world.come_to_rest()


async def test_nothing_is_refunded_on_books_that_cannot_be_compared(world: World) -> None:
    backup = await pay_and_refund(world)
    world.database.restore(backup)
    payment_id = world.payment().id
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await world.use_cases().refund_payment(payment_id, dollars("10").minor_units)
    assert len(world.refunds) == 1
    await by_comparison(world)
    await world.come_to_rest()


async def test_a_refund_of_a_payment_that_is_lost_as_well_is_ours_when_both_are_found(
    world: World,
) -> None:
    empty = world.database.back_up()
    await pay_and_refund(world)
    published = refunded_events(world)
    world.database.restore(empty)
    payments, refunds = world.ledger.notifications[:1], world.ledger.notifications[1:]
    for notification in [*refunds, *payments]:  # the refund first: it waits for its charge
        await world.receive(notification)
    await world.use_cases().apply_deferred_notifications.run_once()
    (refund,) = world.order().refunds
    assert (refund.id, refund.status) == (REFUND, RefundStatus.SUCCEEDED)
    await world.create_order()
    await world.come_to_rest()
    assert refunded_events(world) == published


async def test_an_automatic_refund_that_was_lost_is_not_sent_again(world: World) -> None:
    await world.create_order()
    await world.pay()
    backup = world.database.back_up()
    await world.cancel_order()
    await world.come_to_rest()
    published = refunded_events(world)
    for finds_first in (True, False):
        world.database.restore(backup)
        if finds_first:
            await world.deliver_notifications()
        await world.cancel_order()
        await world.come_to_rest()
        (refund,) = world.order().refunds
        assert refund.automatic
        assert refunded_events(world) == published
        assert (world.balance, len(world.refunds)) == (0, 1)


async def test_an_automatic_refund_that_failed_and_its_repetition_are_found_in_any_order(
    world: World,
) -> None:
    await world.create_order()
    await world.pay()
    backup = world.database.back_up()
    world.faults.add("refund", GatewayFaultKind.SERVER_ERROR)
    await world.cancel_order()
    await world.come_to_rest()
    before = [(each.id, each.attempt, each.status) for each in world.order().refunds]
    world.database.restore(backup)
    await world.deliver_notifications()
    await world.cancel_order()
    await world.come_to_rest()
    assert (world.balance, len(world.refunds)) == (0, 1)
    succeeded = [each for each in before if each[2] is RefundStatus.SUCCEEDED]
    after = [(each.id, each.attempt, each.status) for each in world.order().refunds]
    assert [each for each in after if each[2] is RefundStatus.SUCCEEDED] == succeeded


async def test_a_refund_that_is_lost_while_it_is_sent_is_recorded_with_its_reply(
    world: World,
) -> None:
    await world.create_order()
    await world.pay()
    backup = world.database.back_up()

    async def lose(step: str) -> None:
        if step == "refund replied":
            world.database.restore(backup)

    world.checkpoint = lose
    refund = await world.use_cases().refund_payment(
        world.payment().id, SIXTY.minor_units, "damaged", REFUND
    )
    assert (refund.status, world.order().refund(REFUND)) == (RefundStatus.SUCCEEDED, refund)
    await world.come_to_rest()


async def test_an_operator_is_told_of_a_lost_refund(world: World) -> None:
    backup = await pay_and_refund(world, None)
    world.database.restore(backup)
    await by_comparison(world)
    alerts = [each.text for each in await world.alerts.list_current()]
    assert any(f"refund {REFUND}" in text for text in alerts)
    kinds = {each.kind for each in await world.alerts.list_current()}
    assert AlertKind.BOOKS_BEHIND in kinds
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.order().refundable(world.payment()) == PRICE - PRICE
