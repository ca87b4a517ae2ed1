"""A pending payment: its money comes days later, or not, and its order may end meanwhile."""

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import StorageUnavailable
from domain.claim import PaymentInProgress
from domain.identifiers import PaymentId
from domain.payment_status import CANCELLED_BY_CUSTOMER, PaymentStatus
from tests.builders import PAYER, after
from tests.checkpoints import proceed
from tests.use_cases.failures import each_database_failure
from tests.world import World

DEBIT = CardToken("pm_usBankAccount_processing")
SUBMITTED = CardToken("pm_usBankAccount_submitted")
"""A debit that the bank has already, so that it cannot be cancelled."""


async def waiting(world: World, token: CardToken = DEBIT, **terms: Any) -> PaymentId:
    """Return the id of a pending payment."""
    await world.create_order(**terms)
    result = await world.pay(token)
    assert result.payment.status is PaymentStatus.PENDING
    return result.payment.id


async def cancel(world: World, payment_id: PaymentId) -> PaymentStatus:
    return (await world.use_cases().cancel_payment(payment_id, PAYER)).status


async def test_it_is_published_once_and_the_gateway_is_not_asked_for_an_hour() -> None:
    world = World()
    await waiting(world)
    for _ in range(59):
        world.advance(minutes=1)
        await world.recover()
    assert Counter(world.steps)["find"] == 0

    world.advance(minutes=1)
    await world.recover()
    assert Counter(world.steps)["find"] == 1
    assert world.payment().status is PaymentStatus.PENDING
    await world.use_cases().relay_outbox.run_once()
    assert [event.subject for event in world.events] == ["payment:pending"]


async def test_it_is_asked_about_fewer_than_sixty_times_in_two_weeks() -> None:
    world = World()
    await waiting(world)
    for _ in range(14 * 24):
        world.advance(hours=1)
        await world.recover()
    assert Counter(world.steps)["find"] < 60
    assert world.payment().status is PaymentStatus.PENDING


async def test_no_other_payment_of_its_order_can_start() -> None:
    world = World()
    payment_id = await waiting(world)
    with pytest.raises(PaymentInProgress) as in_progress:
        await world.pay()
    assert in_progress.value.payment is not None
    assert in_progress.value.payment.id == payment_id
    assert Counter(world.steps)["find"] == 0


@pytest.mark.parametrize("has_webhooks", [True, False])
async def test_the_order_is_paid_when_the_money_comes(has_webhooks: bool) -> None:
    world = World()
    payment_id = await waiting(world)
    world.advance(hours=5 * 24)
    await world.gateway.finish_debit(payment_id, succeeded=True)
    await (world.deliver_notifications() if has_webhooks else world.recover())

    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    subjects = ["payment:pending", "payment:created"]
    assert [event.subject for event in world.events] == subjects


@pytest.mark.parametrize("has_webhooks", [True, False])
async def test_the_order_can_be_paid_again_when_the_money_does_not_come(has_webhooks: bool) -> None:
    world = World()
    payment_id = await waiting(world)
    world.advance(hours=5 * 24)
    await world.gateway.finish_debit(payment_id, succeeded=False)
    await (world.deliver_notifications() if has_webhooks else world.recover())

    assert (world.payment().status, world.payment().code) == (
        PaymentStatus.FAILED,
        "debit_not_authorized",
    )
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert world.count_events("payment:failed") == world.count_events("payment:created") == 1


async def test_a_notification_that_it_is_pending_makes_us_look_at_an_unknown_payment() -> None:
    world = World()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    assert (await world.pay(DEBIT)).payment.status is PaymentStatus.PROCESSING

    await world.deliver_notifications()
    await world.recover()

    assert world.payment().status is PaymentStatus.PENDING
    await world.use_cases().relay_outbox.run_once()
    assert world.count_events("payment:pending") == 1


async def test_each_failure_of_the_database_ends_in_at_most_one_charge() -> None:
    for world, failure in each_database_failure(min_commits=2):
        await world.create_order()
        world.checkpoint = failure
        with suppress(StorageUnavailable):
            await world.pay(DEBIT)
        world.checkpoint = proceed
        for payment_id in list(world.ledger.records):
            await world.gateway.finish_debit(payment_id, succeeded=True)
        await world.come_to_rest()
        assert len(world.charges) <= 1
        assert world.count_events("payment:created") == len(world.charges)


async def test_it_is_cancelled_when_its_order_is_cancelled() -> None:
    world = World()
    payment_id = await waiting(world)
    world.advance(hours=30)
    await world.cancel_order()
    await world.recover()

    assert (world.payment().status, world.payment().code) == (PaymentStatus.FAILED, "canceled")
    await world.gateway.finish_debit(payment_id, succeeded=True)
    await world.come_to_rest()
    assert world.charges == []


async def test_it_is_cancelled_when_its_order_expires() -> None:
    world = World()
    await waiting(world, expires_at=after(minutes=15))
    world.advance(minutes=14)
    await world.recover()
    assert world.payment().status is PaymentStatus.PENDING
    world.advance(minutes=1)
    await world.recover()
    assert world.payment().status is PaymentStatus.FAILED


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_money_that_can_no_longer_be_cancelled_is_given_back(end: str) -> None:
    world = World()
    payment_id = await waiting(world, SUBMITTED, expires_at=after(minutes=15))
    if end == "cancelled":
        await world.cancel_order()
    world.advance(minutes=15)
    await world.recover()
    assert world.payment().status is PaymentStatus.PENDING

    world.advance(hours=4 * 24)
    await world.gateway.finish_debit(payment_id, succeeded=True)
    await world.recover()
    assert (world.payment().status, world.payment().code) == (
        PaymentStatus.REVERSED,
        f"order_{end}",
    )
    await world.come_to_rest()
    assert (len(world.charges), world.balance) == (1, 0)
    assert world.count_events("payment:created") == 0


async def test_its_customer_cancels_it_and_pays_by_card() -> None:
    world = World()
    payment_id = await waiting(world)
    assert await cancel(world, payment_id) is PaymentStatus.CANCELLED
    assert await cancel(world, payment_id) is PaymentStatus.CANCELLED
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert world.order().payment(payment_id).code == CANCELLED_BY_CUSTOMER
    assert len(world.charges) == 1


async def test_a_cancellation_that_the_gateway_refuses_leaves_it_pending() -> None:
    world = World()
    payment_id = await waiting(world, SUBMITTED)
    assert await cancel(world, payment_id) is PaymentStatus.PENDING
    assert not world.payment().is_being_cancelled

    await world.gateway.finish_debit(payment_id, succeeded=True)
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_while_the_gateway_is_away_the_cancellation_is_repeated_soon() -> None:
    world = World()
    payment_id = await waiting(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    assert await cancel(world, payment_id) is PaymentStatus.PENDING
    assert world.payment().is_being_cancelled

    world.advance(seconds=10)
    await world.recover()
    assert world.payment().status is PaymentStatus.CANCELLED


async def test_a_customer_who_pays_again_completes_their_cancellation_first() -> None:
    world = World()
    payment_id = await waiting(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    await cancel(world, payment_id)

    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    assert world.order().payment(payment_id).status is PaymentStatus.CANCELLED


async def test_paying_again_while_a_cancellation_is_refused_starts_no_other_payment() -> None:
    world = World()
    payment_id = await waiting(world, SUBMITTED)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    await cancel(world, payment_id)

    with pytest.raises(PaymentInProgress) as in_progress:
        await world.pay()
    payment = in_progress.value.payment
    assert payment is not None
    assert (payment.status, payment.is_being_cancelled) == (PaymentStatus.PENDING, False)


async def test_one_that_the_database_has_lost_is_found_in_the_gateway_s_list_of_charges() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    await world.use_cases().books_guards.default.run_once()
    backup = world.database.back_up()
    payment_id = (await world.pay(DEBIT)).payment.id
    world.database.restore(backup)

    await world.use_cases().books_guards.default.compare()

    assert world.payment().id == payment_id
    assert world.payment().status is PaymentStatus.PENDING
    with pytest.raises(PaymentInProgress):
        await world.pay()
