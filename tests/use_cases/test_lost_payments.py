"""A payment that the database has lost is restored by whatever reports its charge."""

import logging
from collections.abc import Callable

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import (
    ExternalRefundNotification,
    PaymentNotification,
    UnusableNotification,
)
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.use_cases.pay_order import ChargeResult
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, OrderNotFound
from domain.identifiers import OrderId, PaymentId, RefundId
from domain.order import Order
from domain.outcome import Charged, Declined
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, ReportedRefund
from domain.second_charge import CHARGED_TWICE
from tests.builders import ORDER, PAYER, PRICE, charged, created_event
from tests.checkpoints import proceed
from tests.world import AUTHENTICATING, DECLINED, VISA, World

DEBIT = CardToken("pm_usBankAccount_processing")


def lose_payments(world: World, *, and_the_order: bool = False) -> None:
    """Continue on a database that has no payment of the default order, and perhaps no order."""
    database = world.database
    if and_the_order:
        del database.orders[ORDER]
    else:
        database.orders[ORDER] = (1, Order(created_event()))
    database.order_of.clear()
    database.outbox.clear()
    database.inbox.clear()


async def lose_after(world: World, step: str) -> None:
    """Lose the payment of the default order as soon as this step is reached."""

    async def lose(reached: str) -> None:
        if reached == step:
            world.checkpoint = proceed
            lose_payments(world)

    world.checkpoint = lose


@pytest.mark.parametrize("and_the_order", [False, True])
async def test_a_webhook_restores_a_payment_that_was_lost(
    world: World, and_the_order: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await world.create_order()
    paid = (await world.pay()).payment
    await world.use_cases().relay_outbox.run_once()
    lose_payments(world, and_the_order=and_the_order)
    with caplog.at_level(logging.WARNING):
        await world.deliver_notifications()
    assert world.payment() == paid
    assert f"payment {paid.id} of order {ORDER} was lost" in caplog.text
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.BOOKS_BEHIND, "payments")
    if and_the_order:
        with pytest.raises(OrderNotFound):
            await world.pay()
        await world.create_order()
    with pytest.raises(AlreadyPaid):
        await world.pay()
    await world.come_to_rest()
    assert (world.balance, world.count_events("payment:created")) == (10_000, 1)


async def test_a_restored_payment_of_a_cancelled_order_is_given_back(world: World) -> None:
    await world.create_order()
    await world.pay()
    lose_payments(world, and_the_order=True)
    await world.deliver_notifications()
    await world.cancel_order()
    world.replies.clear()
    del world.acknowledged[0]  # it was lost with the order
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_customer_who_was_charged_again_gets_the_first_charge_back(world: World) -> None:
    await world.create_order()
    first = (await world.pay()).payment.id
    lose_payments(world)
    second = (await world.pay()).payment
    await world.deliver_notifications()
    world.replies.clear()
    await world.come_to_rest()
    assert world.order().payment(second.id) == second
    assert world.order().payment(first).status is PaymentStatus.REVERSED
    assert world.balance == 10_000


@pytest.mark.parametrize("step", ["charge", "charge replied"])
async def test_a_charge_is_recorded_although_its_claim_was_lost_meanwhile(
    world: World, step: str
) -> None:
    await world.create_order()
    await lose_after(world, step)
    result = await world.pay()
    assert result.payment == world.payment()
    assert result.payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_a_decline_is_answered_although_its_claim_was_lost_meanwhile(world: World) -> None:
    await world.create_order()
    await lose_after(world, "charge replied")
    assert (await world.pay(DECLINED)).payment.status is PaymentStatus.FAILED
    assert world.order().payments == ()
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


async def test_an_authentication_goes_on_although_its_claim_was_lost_meanwhile(
    world: World,
) -> None:
    await world.create_order()
    await lose_after(world, "charge replied")
    waiting = await world.pay(AUTHENTICATING)
    assert waiting.action is not None
    assert world.payment().status is PaymentStatus.REQUIRES_ACTION
    await world.gateway.complete_authentication(waiting.payment.id, succeeded=True)
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def pay_while_an_earlier_payment_is_restored(
    world: World, token: CardToken, mode: CaptureMode
) -> ChargeResult:
    """Pay again after a cancellation; both are lost before the outcome is recorded."""
    await world.create_order(capture=mode)
    await world.pay(AUTHENTICATING)
    earlier = world.database.orders[ORDER]
    await world.use_cases().cancel_payment(world.payment().id, PAYER)

    async def lose(reached: str) -> None:
        if reached == "charge replied":
            world.checkpoint = proceed
            world.database.orders[ORDER] = earlier
            world.database.order_of = {each.id: ORDER for each in earlier[1].payments}

    world.checkpoint = lose
    return await world.pay(token)


@pytest.mark.parametrize(
    ("token", "mode"),
    [(DEBIT, CaptureMode.AUTOMATIC), (VISA, CaptureMode.MANUAL)],
    ids=["pending", "authorized"],
)
async def test_a_customer_is_not_told_that_nothing_was_charged_while_the_gateway_may(
    world: World, token: CardToken, mode: CaptureMode
) -> None:
    result = await pay_while_an_earlier_payment_is_restored(world, token, mode)
    reply = result.payment
    assert result.is_new
    first, second = world.order().payments
    assert (first.status, second.status) == (PaymentStatus.REQUIRES_ACTION, PaymentStatus.ABANDONED)
    assert (reply.id, reply.status) == (second.id, PaymentStatus.PROCESSING)

    await world.receive(PaymentNotification("evt_1", first.id, Declined("canceled")))
    found = await world.gateway.find(second)
    assert found is not None
    await world.receive(PaymentNotification("evt_2", second.id, found))
    assert world.order().payment(second.id).status in (
        PaymentStatus.PENDING,
        PaymentStatus.AUTHORIZED,
    )


async def test_an_attempt_that_never_left_is_answered_although_its_claim_was_lost(
    world: World,
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    await lose_after(world, "charge")
    with pytest.raises(Exception, match="no connection"):
        await world.pay()
    assert world.order().payments == ()


@pytest.mark.parametrize(
    "labelled",
    [
        lambda payment: evolve(payment, gateway="another"),
        lambda payment: evolve(payment, livemode=True),
        lambda _payment: None,
    ],
    ids=["of another gateway", "of another mode", "without all labels"],
)
async def test_a_charge_that_may_be_another_applications_is_not_adopted(
    world: World, labelled: Callable[[Payment], Payment | None]
) -> None:
    await world.create_order()
    claimed = await lost_payment(world)
    lost = labelled(claimed)
    report = PaymentNotification("evt_1", claimed.id, charged(claimed.id), lost)
    assert not await world.receive(report)
    assert world.order().payments == ()


async def lost_payment(world: World) -> Payment:
    """Pay for the default order, lose the payment, and return it as its labels describe it."""
    payment = (await world.pay()).payment
    lose_payments(world)
    attempt = world.ledger.records[payment.id].attempts[0]
    assert attempt.claimed is not None
    return attempt.claimed


async def test_a_charge_whose_labels_were_edited_is_not_recorded_a_second_time(
    world: World,
) -> None:
    await world.create_order()
    paid = (await world.pay()).payment
    assert paid.charge_id is not None
    edited = evolve(
        paid,
        id=PaymentId("edited"),
        order_id=OrderId("another-order"),
        status=PaymentStatus.PROCESSING,
    )
    report = Charged(paid.charge_id, PRICE, livemode=False)
    await world.receive(PaymentNotification("evt_1", edited.id, report, edited))
    assert world.orders == [world.order()]
    assert world.order().payments == (paid,)
    await world.come_to_rest()


# --- a second charge of one payment ------------------------------------------------------------


async def pay_twice(world: World) -> tuple[Payment, Payment]:
    """Pay while the gateway charges twice; return the payment and the record of the other charge.

    The gateway's webhooks about both charges have come.
    """
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)
    paid = (await world.pay()).payment
    await world.deliver_notifications()
    (second,) = [each for each in world.order().payments if each.id != paid.id]
    return paid, second


async def test_a_second_charge_is_given_back_and_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        paid, second = await pay_twice(world)
        world.database.inbox.clear()
        await world.deliver_notifications()
    assert caplog.text.count(f"payment {paid.id} has a second charge {second.charge_id}") == 1
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.CHARGED_TWICE, paid.id)
    assert (second.status, second.code) == (PaymentStatus.REVERSED, CHARGED_TWICE)
    assert world.balance == 20_000
    world.advance(minutes=1)
    await world.recover()
    assert world.balance == 10_000
    assert world.order().payment(paid.id) == paid
    await world.come_to_rest()
    assert world.count_events("payment:created") == 1


@pytest.mark.parametrize("first_webhook", [0, 1])
async def test_whichever_charge_is_told_first_is_kept(world: World, first_webhook: int) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.CHARGED_TWICE)

    async def overtake(step: str) -> None:
        if step == "charge replied":
            world.checkpoint = proceed
            await world.receive(world.ledger.notifications[first_webhook])

    world.checkpoint = overtake
    result = await world.pay()
    await world.deliver_notifications()
    assert result.payment.status is PaymentStatus.SUCCEEDED
    charges = [charge.id for charge in world.charges]
    assert result.payment.charge_id == charges[first_webhook]
    await world.come_to_rest()
    assert world.balance == 10_000


async def test_a_second_charge_is_given_back_although_the_first_was_refunded(world: World) -> None:
    paid, second = await pay_twice(world)
    await world.use_cases().refund_payment(paid.id)
    await world.come_to_rest()
    assert world.balance == 0
    assert {refund.payment_id for refund in world.order().refunds} == {paid.id, second.id}


async def test_an_operator_can_refund_a_second_charge(world: World) -> None:
    _, second = await pay_twice(world)
    revision, order = world.database.orders[ORDER]
    world.database.orders[ORDER] = (revision, evolve(order, refunds=()))
    await world.use_cases().refund_payment(second.id, 4_000)
    assert world.balance == 16_000


async def test_an_outside_refund_of_a_second_charge_is_recorded_as_its_own(world: World) -> None:
    _, second = await pay_twice(world)
    assert second.charge_id is not None
    reported = ReportedRefund("re_outside", PRICE, Refunded("re_outside", PRICE))
    report = ExternalRefundNotification("evt_1", second.charge_id, reported)
    await world.receive(report)
    recorded = world.order().refund(RefundId("re_outside"))
    assert recorded is not None
    assert recorded.payment_id == second.id


# --- notifications that do not say what became of a lost payment -------------------------------


def news_of(payment: Payment, *, is_described: bool = True) -> PaymentNotification:
    """Return a notification about a payment, without an outcome."""
    claimed = evolve(payment, status=PaymentStatus.PROCESSING, charge_id=None, captured_amount=None)
    return PaymentNotification("evt_news", payment.id, claimed=claimed if is_described else None)


async def a_lost_payment(world: World) -> Payment:
    await world.create_order()
    paid = (await world.pay()).payment
    lose_payments(world)
    return paid


@pytest.mark.parametrize("is_usable", [True, False])
async def test_any_news_of_a_lost_payment_makes_us_ask_the_gateway_about_it(
    world: World, is_usable: bool
) -> None:
    paid = await a_lost_payment(world)
    news = news_of(paid)
    unusable = UnusableNotification("evt_news", "its type is unknown", paid.id, news.claimed)
    assert await world.receive(news if is_usable else unusable) is is_usable
    assert world.payment() == paid
    assert not await world.receive(news if is_usable else unusable)
    with pytest.raises(AlreadyPaid):
        await world.pay()
    await world.come_to_rest()


@pytest.mark.parametrize("is_usable", [True, False])
async def test_news_of_a_lost_payment_are_sent_again_if_the_gateway_cannot_be_asked(
    world: World, is_usable: bool
) -> None:
    paid = await a_lost_payment(world)
    news = news_of(paid)
    unusable = UnusableNotification("evt_news", "its type is unknown", paid.id, news.claimed)
    world.faults.add("find", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await world.receive(news if is_usable else unusable)
    assert await world.receive(news if is_usable else unusable) is is_usable
    assert world.payment() == paid


@pytest.mark.parametrize("cause", ["labels", "forbidden"])
async def test_news_of_a_lost_payment_that_cannot_be_found_are_kept_and_an_alert(
    world: World, cause: str
) -> None:
    paid = await a_lost_payment(world)
    if cause == "forbidden":
        world.faults.add("find", GatewayFaultKind.FORBIDDEN)
    await world.receive(news_of(paid, is_described=cause == "forbidden"), b"news")
    (kept,) = await world.unusable.list(10)
    assert kept.body == b"news"
    (alert,) = await world.alerts.list_current()
    assert alert.subject == paid.id
    assert paid.id in alert.text


async def test_news_of_a_payment_of_another_installation_are_not_kept(world: World) -> None:
    world.database.identity = "0000000a"
    await world.create_order()
    theirs = PaymentNotification("evt_news", PaymentId("payment-of-another-installation"))
    assert not await world.receive(theirs)
    assert not await world.unusable.list(10)
    assert not await world.alerts.list_current()
