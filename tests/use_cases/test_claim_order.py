"""ClaimOrder: what may be charged, where, and that an obstacle is found before anything is sent."""

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.application import DeclineLimits, UseCases
from application.log_context import current_ids, log_context
from application.ports.alerts import AlertKind
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.claim_order import CaptureUnsupported, GatewayNotOffered
from application.use_cases.limit_declines import TooManyDeclines
from application.use_cases.pay_order import ChargeResult, PayOrder
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, OrderNotFound, PaymentInProgress
from domain.identifiers import UserId
from domain.money import Currency, Money
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, OTHER_USER, PAYER, created_event
from tests.checkpoints import FailAt, proceed
from tests.world import (
    DECLINED,
    VISA,
    AtOnceGateway,
    GatewayWithoutChargeList,
    World,
)

FROM_ONE_ADDRESS = ("user:1", "address:1")


async def pay(use_cases: UseCases) -> ChargeResult:
    return await use_cases.create_charge(PayOrder(ORDER, PAYER, VISA))


@pytest.mark.parametrize("declined_from", [("user:1",), ("address:1",)])
async def test_one_source_with_too_many_declines_is_enough(
    declined_from: tuple[str, ...],
) -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1, "address": 1}))
    await world.create_order()
    await world.pay(DECLINED, sources=declined_from)
    with pytest.raises(TooManyDeclines):
        await world.pay(sources=FROM_ONE_ADDRESS)
    assert (await world.pay(sources=("user:2", "address:2"))).payment.is_captured


async def test_an_unknown_order_is_no_way_around_the_limit_of_declines() -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    with pytest.raises(OrderNotFound):
        await world.pay(sources=("user:1",))
    await world.create_order()
    await world.pay(DECLINED, sources=("user:1",))
    world.database.orders.clear()
    with pytest.raises(TooManyDeclines):
        await world.pay(sources=("user:1",))


@pytest.mark.parametrize("earlier", [False, True])
async def test_declines_that_are_counted_after_the_claim_do_not_stop_it(earlier: bool) -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()
    await world.create_order("order-2")
    if earlier:
        await world.pay(DECLINED)

    async def decline_elsewhere(step: str) -> None:
        if step == "committed":
            world.checkpoint = FailAt(0, ZeroDivisionError(), {"nothing"})
            await world.pay(DECLINED, world.order("order-2").id, sources=("user:1",))
            raise Conflict("the confirmation is lost")

    world.checkpoint = decline_elsewhere
    assert (await world.pay(sources=("user:1",))).payment.status is PaymentStatus.SUCCEEDED
    assert len(world.order().payments) == 1 + earlier


async def test_a_gateway_that_is_not_asked_for_its_charges_is_away() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()
    use_cases = world.use_cases()
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    claim = use_cases.create_charge.claim
    with pytest.raises(GatewayUnavailable, match="could not be compared"):
        await pay(use_cases)
    assert claim.health.is_away("in_memory")
    assert not world.order().payments
    assert (await pay(use_cases)).payment.status is PaymentStatus.SUCCEEDED
    assert not claim.health.is_away("in_memory")


@pytest.mark.parametrize("kind", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.REPLY_LOST])
async def test_a_gateway_that_does_not_answer_a_charge_is_away(kind: GatewayFaultKind) -> None:
    world = World()
    await world.create_order()
    use_cases = world.use_cases()
    world.faults.add("charge", kind)
    try:
        await pay(use_cases)
    except GatewayUnavailable:
        assert kind is GatewayFaultKind.UNREACHABLE
    assert use_cases.create_charge.claim.health.is_away("in_memory")


async def test_a_claim_that_cannot_be_released_is_still_no_charge() -> None:
    world = World()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    world.checkpoint = FailAt(1, StorageUnavailable("down"), {"commit"})
    with pytest.raises(GatewayUnavailable, match="no connection"):
        await world.pay()
    assert world.payment().status is PaymentStatus.PROCESSING
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.ABANDONED
    assert not world.charges


async def test_the_payment_that_is_in_the_way_is_named_to_its_own_user_only() -> None:
    world = World()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    with pytest.raises(PaymentInProgress) as own:
        await world.pay()
    assert own.value.payment == world.payment()
    with log_context():
        with pytest.raises(PaymentInProgress):
            await world.pay()
        assert current_ids() == {"order_id": ORDER, "payment_id": world.payment().id}
    await world.replicate(created_event(version=2, user_id=OTHER_USER))
    with log_context():
        with pytest.raises(PaymentInProgress) as others:
            await world.pay(payer=OTHER_USER)
        assert others.value.payment is None
        assert current_ids() == {"order_id": ORDER}
    await world.come_to_rest()
    for payer, payment in ((OTHER_USER, None), (UserId("user-1"), world.payment())):
        await world.replicate(created_event(version=3 + (payment is not None), user_id=payer))
        with log_context():
            with pytest.raises(AlreadyPaid) as paid:
                await world.pay(payer=payer)
            assert paid.value.payment == payment
            assert ("payment_id" in current_ids()) == (payment is not None)


async def test_a_gateway_must_be_offered_and_named_as_it_is() -> None:
    world = World()
    await world.create_order()
    world.add_gateway("other")
    for name in ("elsewhere", "third"):
        with pytest.raises(GatewayNotOffered) as refused:
            await world.pay(gateway=name)
        assert refused.value.offered == ("in_memory", "other")
    world.routes["usd"] = ("other",)
    with pytest.raises(GatewayNotOffered) as refused:
        await world.pay(gateway="in_memory")
    assert refused.value.offered == ("other",)
    assert not world.order().payments
    assert (await world.pay()).payment.gateway == "other"


async def test_what_cannot_be_captured_later_is_not_charged_and_an_operator_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(gateway_type=AtOnceGateway)
    await world.replicate(created_event(capture=CaptureMode.MANUAL))
    with pytest.raises(CaptureUnsupported):
        await world.pay()
    [alert] = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_REFUSAL, "capture_unsupported")
    assert "cannot be paid: capture_unsupported: in_memory" in caplog.text
    assert not world.order().payments
    await world.create_order("order-2")
    assert (await world.pay(order_id=world.order("order-2").id)).payment.is_captured


async def test_a_gateway_that_can_capture_later_is_preferred_to_the_default() -> None:
    world = World(gateway_type=AtOnceGateway)
    world.add_gateway("later", GatewayWithoutChargeList)
    await world.replicate(created_event(capture=CaptureMode.MANUAL))
    payment = (await world.pay()).payment
    assert (payment.gateway, payment.status) == ("later", PaymentStatus.AUTHORIZED)


async def test_books_that_are_lost_again_after_their_comparison_are_no_books_to_charge_on() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()

    async def lose_connections(step: str) -> None:
        if step == "read charge":
            world.database.copy += 1

    world.checkpoint = lose_connections
    with pytest.raises(GatewayUnavailable, match="lost before the claim"):
        await world.pay()
    assert "charge" not in world.steps


async def test_a_claim_that_was_committed_is_charged_where_it_was_claimed() -> None:
    world = World()
    world.add_gateway("other")
    world.routes |= {"usd": ("in_memory",), "eur": ("other",)}
    await world.create_order()

    async def change_the_price(step: str) -> None:
        if step == "committed":
            world.checkpoint = proceed
            euros = Money(500, Currency("eur"))
            await world.replicate(created_event(version=2, price=euros))
            raise Conflict("the confirmation is lost")

    world.checkpoint = change_the_price
    payment = (await world.pay(gateway="in_memory")).payment
    assert (payment.gateway, len(world.order().payments)) == ("in_memory", 1)
