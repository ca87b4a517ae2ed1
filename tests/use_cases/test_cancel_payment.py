"""CancelPayment: a customer cancels a payment, and the order can be paid again at once.

A charge that appears afterwards is given back: tests/domain/test_order.py.
"""

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.pay_order import ChargeResult
from domain.identifiers import PaymentId
from domain.order_entities import PaymentNotFound
from domain.payment_status import CANCELLED_BY_CUSTOMER, PaymentStatus
from tests.builders import OTHER_USER, PAYER
from tests.use_cases.failures import each_database_failure
from tests.world import AUTHENTICATING, VISA, World


async def waiting(world: World) -> PaymentId:
    """Return the id of a payment that waits for its customer."""
    await world.create_order()
    result: ChargeResult = await world.pay(AUTHENTICATING)
    assert result.payment.status is PaymentStatus.REQUIRES_ACTION
    return result.payment.id


async def cancel(world: World, payment_id: PaymentId) -> PaymentStatus:
    return (await world.use_cases().cancel_payment(payment_id, PAYER)).status


async def test_a_payment_that_waits_for_its_customer_is_cancelled_and_its_order_free() -> None:
    world = World()
    payment_id = await waiting(world)

    assert await cancel(world, payment_id) is PaymentStatus.CANCELLED
    assert await cancel(world, payment_id) is PaymentStatus.CANCELLED  # repeating changes nothing
    assert (await world.pay(VISA)).payment.status is PaymentStatus.SUCCEEDED

    await world.come_to_rest()
    assert world.order().payment(payment_id).code == CANCELLED_BY_CUSTOMER
    assert world.count_events("payment:failed") == world.count_events("payment:created") == 1
    assert len(world.charges) == 1


async def test_a_payment_that_was_authenticated_before_is_kept() -> None:
    world = World()
    payment_id = await waiting(world)
    await world.gateway.complete_authentication(payment_id, succeeded=True)

    assert await cancel(world, payment_id) is PaymentStatus.SUCCEEDED

    await world.come_to_rest()
    assert world.balance == world.payment().amount.minor_units


async def test_while_the_gateway_is_away_the_request_is_kept_and_recovery_completes_it() -> None:
    world = World()
    payment_id = await waiting(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)

    assert await cancel(world, payment_id) is PaymentStatus.REQUIRES_ACTION
    assert world.payment().is_being_cancelled

    await world.recover()
    assert world.payment().status is PaymentStatus.CANCELLED
    await world.come_to_rest()


async def test_another_card_can_be_charged_after_the_request_although_the_gateway_was_away() -> (
    None
):
    world = World()
    payment_id = await waiting(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    await cancel(world, payment_id)

    assert (await world.pay(VISA)).payment.status is PaymentStatus.SUCCEEDED

    assert world.order().payment(payment_id).status is PaymentStatus.CANCELLED
    await world.come_to_rest()


async def test_a_payment_that_has_ended_is_unchanged() -> None:
    world = World()
    await world.create_order()
    paid = (await world.pay(VISA)).payment

    assert await cancel(world, paid.id) is PaymentStatus.SUCCEEDED
    assert world.payment() == paid


async def test_a_failing_database_loses_no_cancellation_that_was_confirmed() -> None:
    for world, failure in each_database_failure(min_commits=2):
        payment_id = await waiting(world)
        world.checkpoint = failure
        try:
            status = await cancel(world, payment_id)
        except (StorageUnavailable, Conflict):
            status = None
        await world.come_to_rest()
        ended = world.order().payment(payment_id).status
        assert status is None or ended is PaymentStatus.CANCELLED


async def test_nobody_cancels_another_users_payment() -> None:
    world = World()
    payment_id = await waiting(world)
    for unknown, user in ((payment_id, OTHER_USER), (PaymentId("none"), PAYER)):
        with pytest.raises(PaymentNotFound):
            await world.use_cases().cancel_payment(unknown, user)
    assert world.payment().status is PaymentStatus.REQUIRES_ACTION
