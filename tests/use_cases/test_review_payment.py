"""An operator decides about what was captured differently: it is announced, or it goes back."""

import pytest

from domain.order_reviews import NotInReview, ReviewDecision
from domain.payment_status import PaymentStatus
from tests.builders import dollars
from tests.world import World

ACCEPT, REFUND = ReviewDecision.ACCEPT, ReviewDecision.REFUND


@pytest.fixture
async def world() -> World:
    """A world with one payment in review: the gateway has captured $1 instead of $100."""
    world = World()
    await world.create_order()
    world.faults.mischarge(dollars("1"))
    await world.pay()
    return world


async def test_accepted_money_is_announced_with_the_captured_amount(world: World) -> None:
    payment = await world.review(ACCEPT)
    await world.come_to_rest()

    assert payment.status is PaymentStatus.SUCCEEDED
    [created] = [each for each in world.events if each.subject == "payment:created"]
    assert isinstance(created.body, dict)
    assert created.body["amount"] == 100
    assert world.balance == 100


async def test_refused_money_goes_back_and_nothing_is_announced_as_paid(world: World) -> None:
    payment = await world.review(REFUND)
    await world.come_to_rest()

    assert payment.status is PaymentStatus.REVERSED
    assert world.count_events("payment:created") == 0
    assert [each.amount for each in world.order().refunds] == [dollars("1")]
    assert world.balance == 0


async def test_an_order_can_be_paid_after_the_refusal(world: World) -> None:
    await world.review(REFUND)
    paid = await world.pay()
    await world.come_to_rest()

    assert paid.payment.status is PaymentStatus.SUCCEEDED


async def test_a_second_decision_is_refused(world: World) -> None:
    await world.review(ACCEPT)
    with pytest.raises(NotInReview):
        await world.review(REFUND)
