"""A payment that its customer had paid with after another one had ended is kept after a loss."""

import pytest

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.gateway_notifications import PaymentNotification
from application.ports.payment_gateway import CardToken
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import PAYER
from tests.world import AUTHENTICATING, VISA, World

DEBIT = CardToken("pm_usBankAccount_processing")


@pytest.fixture
def world() -> World:
    return World(gateway_type=InMemoryGateway)


async def pay_after_another(world: World, token: CardToken) -> tuple[Payment, Payment]:
    """Cancel a payment, pay with another one, and lose both: only the first one is open again."""
    first = (await world.pay(token)).payment
    older = world.database.back_up()
    cancelled = await world.use_cases().cancel_payment(first.id, PAYER)
    assert cancelled.status is PaymentStatus.CANCELLED
    world.advance(seconds=1)
    paid = (await world.pay(VISA)).payment
    assert paid.status is PaymentStatus.SUCCEEDED
    world.database.restore(older)
    return first, paid


@pytest.mark.parametrize("token", [AUTHENTICATING, DEBIT], ids=["waits", "pending"])
async def test_a_webhook_about_it_restores_it_and_ends_the_earlier_one(
    world: World, token: CardToken
) -> None:
    await world.create_order()
    first, paid = await pay_after_another(world, token)
    assert world.payment().is_open
    for notification in list(world.ledger.notifications):
        if isinstance(notification, PaymentNotification) and notification.payment_id == paid.id:
            await world.receive(notification)
    assert world.order().payment(paid.id) == paid
    assert not world.order().payment(first.id).is_open
    with pytest.raises(AlreadyPaid):
        await world.pay()
    await world.come_to_rest()
    assert (world.balance, world.count_events("payment:created")) == (10_000, 1)


@pytest.mark.parametrize("token", [AUTHENTICATING, DEBIT], ids=["waits", "pending"])
async def test_the_comparison_of_the_books_does_so_before_the_next_charge(
    world: World, token: CardToken
) -> None:
    await world.create_order()
    first, paid = await pay_after_another(world, token)
    await world.use_cases().books_guards.default.compare()
    assert world.order().payment(paid.id) == paid
    assert not world.order().payment(first.id).is_open
    await world.come_to_rest()
    assert world.balance == 10_000


async def test_what_is_still_held_for_the_earlier_one_is_released(world: World) -> None:
    await world.create_order(capture=CaptureMode.MANUAL)
    held = (await world.pay()).payment
    older = world.database.back_up()
    await world.use_cases().void_payment(held.id, "another card")
    assert world.payment().status is PaymentStatus.CANCELLED
    world.advance(seconds=1)
    later = (await world.pay()).payment
    paid = (await world.use_cases().capture_payment(later.id)).payment
    assert paid.status is PaymentStatus.SUCCEEDED
    world.database.restore(older)
    await world.use_cases().books_guards.default.compare()
    assert world.order().payment(paid.id).status is PaymentStatus.SUCCEEDED
    assert world.order().payment(held.id).status is PaymentStatus.CANCELLED
    await world.come_to_rest()
    assert world.balance == 10_000
