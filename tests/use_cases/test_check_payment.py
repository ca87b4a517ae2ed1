"""CheckPayment: what a look-up finds is settled, continued or cancelled at once."""

import pytest

from domain.outcome import Approved, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, PAYER, approved
from tests.checkpoints import proceed
from tests.use_cases.test_sessions import check_now, pay, waiting
from tests.world import AUTHENTICATING, GatewayWithoutChargeList, World


@pytest.mark.parametrize("by_customer", [False, True])
async def test_what_is_approved_for_a_complete_order_is_cancelled_by_the_same_check(
    world: World, by_customer: bool
) -> None:
    token = await waiting(world)
    await world.use_cases().complete_order(ORDER)
    await world.gateway.approve(token)
    if by_customer:
        assert (await pay(world, token)).payment.status is PaymentStatus.FAILED
    else:
        await check_now(world)
    assert world.payment().status is PaymentStatus.FAILED
    assert "cancel" in world.steps
    assert "take" not in world.steps
    assert not world.charges


async def test_what_another_process_has_taken_meanwhile_is_not_cancelled(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def take(step: str) -> None:
        if step == "find replied":
            world.checkpoint = proceed
            await world.use_cases("process-2").create_charge.check(world.payment())

    world.checkpoint = take
    payment = world.payment()
    checked = await world.use_cases().create_charge.check(payment)
    assert checked.payment.status is PaymentStatus.SUCCEEDED
    assert checked.evidence == Approved(token)
    assert "cancel" not in world.steps
    await world.come_to_rest()
    assert len(world.charges) == 1


class DoesNotCancel(GatewayWithoutChargeList):
    """A gateway that says of what it should cancel that it is approved."""

    async def cancel(self, payment: Payment) -> Outcome | None:
        return approved(payment.id)


async def test_what_should_be_cancelled_is_never_taken(caplog: pytest.LogCaptureFixture) -> None:
    world = World(gateway_type=DoesNotCancel)
    await world.create_order()
    await world.pay(AUTHENTICATING)
    payment = await world.use_cases().cancel_payment(world.payment().id, PAYER)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert f"the gateway did not cancel payment {payment.id}" in caplog.text
    assert "take" not in world.steps
    assert not world.charges
