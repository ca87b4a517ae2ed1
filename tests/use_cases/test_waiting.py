"""A customer waits for a gateway for a limited time in all, whatever it does not answer."""

import asyncio
from typing import Final

import pytest

from application.use_cases import create_charge
from domain.claim import PaymentInProgress
from domain.payment_status import PaymentStatus
from tests.checkpoints import Checkpoint, proceed
from tests.use_cases.test_sessions import pay, waiting
from tests.world import AUTHENTICATING, VISA, World

# Less than a call may take, and much more than the times that these tests set.
LIMIT: Final = 10.0


def hanging_at(name: str) -> Checkpoint:
    async def checkpoint(step: str) -> None:
        if step == name:
            await asyncio.Event().wait()

    return checkpoint


@pytest.mark.parametrize("step", ["find", "take"])
async def test_a_payment_that_its_customer_has_approved_is_taken_in_the_time_of_one_call(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)
    monkeypatch.setattr(create_charge, "CALL_SECONDS", 0.05)
    world.checkpoint = hanging_at(step)
    with pytest.raises(PaymentInProgress):
        async with asyncio.timeout(LIMIT):
            await pay(world, token)
    world.checkpoint = proceed
    world.advance(seconds=30)
    await world.recover()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_a_cancellation_leaves_the_time_for_the_charge_that_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.create_order()
    waiting_payment = (await world.pay(AUTHENTICATING)).payment
    world.checkpoint = hanging_at("cancel")
    use_cases = world.use_cases()
    monkeypatch.setattr("application.use_cases.cancel_payment.CALL_SECONDS", 0.01)
    await use_cases.cancel_payment(waiting_payment.id, waiting_payment.user_id)
    monkeypatch.setattr(create_charge, "CANCEL_SECONDS", 0.05)
    with pytest.raises(PaymentInProgress):
        async with asyncio.timeout(LIMIT):
            await world.pay(VISA)
    world.checkpoint = proceed
    assert (await world.pay(VISA)).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
