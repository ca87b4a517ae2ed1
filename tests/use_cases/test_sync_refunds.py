"""What is left of a payment is what the gateway has left, no matter who has refunded the rest."""

from typing import Any

import pytest
from attrs import define

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.persistence.in_memory import InMemoryBacklogReader
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import PaymentNotification, RefundNotification
from application.ports.payment_gateway import GatewayUnavailable
from domain.identifiers import RefundId
from domain.money import Currency, Money
from domain.refund import Refunded, RefundOutcome, RefundPending, RefundStatus, ReportedRefund
from domain.refund_rules import EXTERNAL_REFUND, RefundExceedsPayment
from tests.builders import PRICE, dollars
from tests.world import World

FORTY, SIXTY = dollars("40"), dollars("60")
OTHERS = RefundId("support-case-7")


class WithoutLists:
    """A gateway adapter that was written before lists existed."""

    def __init__(self, gateway: object) -> None:
        self._gateway = gateway

    def __getattr__(self, name: str) -> Any:
        if name.startswith("list_"):
            raise AttributeError(name)
        return getattr(self._gateway, name)


@define
class WorldWithoutLists(World):
    """A world whose gateway has no lists."""

    @property
    def gateway(self) -> Any:
        return WithoutLists(super().gateway)


async def pay(world: World) -> None:
    await world.create_order()
    await world.pay()


async def refund_externally(
    world: World, amount: Money = SIXTY, refund_id: RefundId | None = None
) -> ReportedRefund:
    """Refund the default payment at the gateway; tell us nothing."""
    payment_id = world.payment().id
    ledger = World(ledger=world.ledger).gateway
    reference = await ledger.refund_externally(payment_id, amount, refund_id)
    assert reference is not None
    return ReportedRefund(reference, amount, Refunded(reference, amount), refund_id)


async def charge_refunded(world: World, refunded: Money, number: int = 1) -> bool:
    """Receive the notification that so much of the charge was refunded, without its refunds."""
    payment = world.payment()
    charged = await World(ledger=world.ledger).gateway.find(payment)
    return await world.receive(
        PaymentNotification(f"evt_{number}", payment.id, charged, refunded=refunded)
    )


async def refund_all(world: World) -> None:
    await world.use_cases().refund_payment(world.payment().id, None, "damaged")


def amounts(world: World, status: RefundStatus = RefundStatus.SUCCEEDED) -> list[Money]:
    return [each.amount for each in world.order().refunds if each.status is status]


def lists(world: World) -> int:
    """Return how often the gateway was asked for all refunds."""
    return world.steps.count("list_refunds")


# --- a charge that was refunded by others ---------------------------------------------------------


async def test_a_charge_reported_as_refunded_makes_us_look_at_its_refunds(world: World) -> None:
    await pay(world)
    await refund_externally(world)
    await charge_refunded(world, SIXTY)
    (refund,) = world.order().refunds
    assert (refund.amount, refund.status) == (SIXTY, RefundStatus.SUCCEEDED)
    assert refund.reason == EXTERNAL_REFUND
    assert world.order().refundable(world.payment()) == FORTY
    await world.come_to_rest()
    assert world.count_events("payment:refunded") == 1


async def test_a_repeated_or_late_report_changes_nothing_more(world: World) -> None:
    await pay(world)
    await refund_externally(world, dollars("10"))
    await refund_externally(world, dollars("20"))
    for number, refunded in enumerate((dollars("30"), dollars("10"), dollars("30"))):
        await charge_refunded(world, refunded, number)
    assert amounts(world) == [dollars("10"), dollars("20")]
    await world.come_to_rest()
    assert world.count_events("payment:refunded") == 2


async def test_a_report_about_refunds_that_we_know_asks_the_gateway_nothing(world: World) -> None:
    await pay(world)
    await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units)
    before = lists(world)
    await charge_refunded(world, SIXTY)
    assert lists(world) == before


async def test_a_report_is_received_again_if_the_gateway_cannot_be_asked(world: World) -> None:
    await pay(world)
    await refund_externally(world)
    world.faults.add("list_refunds", GatewayFaultKind.UNREACHABLE)
    with pytest.raises(GatewayUnavailable):
        await charge_refunded(world, SIXTY)
    assert await charge_refunded(world, SIXTY)
    assert amounts(world) == [SIXTY]


async def test_a_report_is_kept_with_an_alert_if_the_gateway_will_never_list_refunds(
    world: World,
) -> None:
    await pay(world)
    await refund_externally(world)
    world.faults.add("list_refunds", GatewayFaultKind.FORBIDDEN)
    assert not await charge_refunded(world, SIXTY)
    assert len(await world.unusable.list(10)) == 1
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.LOOKUP_IMPOSSIBLE, world.payment().id)
    assert await charge_refunded(world, SIXTY)  # a kept one is read again like this
    assert amounts(world) == [SIXTY]


async def test_a_charge_reported_as_refunded_before_its_reply_is_recorded_with_its_refund(
    world: World,
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    await refund_externally(world)
    await charge_refunded(world, SIXTY)
    assert amounts(world) == [SIXTY]
    await world.come_to_rest()


# --- a refund that bears our labels ---------------------------------------------------------------


@pytest.mark.parametrize("key", [None, OTHERS, "7:0", f"{OTHERS}:", f"{OTHERS}:-1", f"{OTHERS}:²"])
async def test_a_refund_with_labels_of_another_tool_is_external(
    world: World, key: str | None
) -> None:
    await pay(world)
    made = await refund_externally(world, SIXTY, OTHERS)
    payment = world.payment()
    assert payment.charge_id is not None
    reported = ReportedRefund(made.reference, SIXTY, made.outcome, OTHERS, key)
    for number in range(2):
        notification = RefundNotification(f"evt_{number}", payment.id, payment.charge_id, reported)
        assert await world.receive(notification)
    assert amounts(world) == [SIXTY]
    assert world.order().refunds[0].reason == EXTERNAL_REFUND
    await world.come_to_rest()
    assert world.count_events("payment:refunded") == 1


async def test_a_refund_with_a_copy_of_our_labels_is_external_beside_ours(world: World) -> None:
    await pay(world)
    ours = await world.use_cases().refund_payment(world.payment().id, FORTY.minor_units)
    await refund_externally(world, SIXTY, ours.id)
    await charge_refunded(world, PRICE)
    assert amounts(world) == [FORTY, SIXTY]
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_refund_of_ours_whose_reply_was_lost_is_settled_by_the_list(world: World) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    ours = await world.use_cases().refund_payment(world.payment().id, FORTY.minor_units)
    await refund_externally(world)
    await charge_refunded(world, PRICE)
    assert world.order().refunds[0].id == ours.id
    assert amounts(world) == [FORTY, SIXTY]


# --- what is left ---------------------------------------------------------------------------------


async def test_all_that_an_operator_refunds_is_what_the_gateway_has_left(world: World) -> None:
    await pay(world)
    await refund_externally(world)
    await refund_all(world)
    assert amounts(world) == [SIXTY, FORTY]
    assert world.balance == 0
    with pytest.raises(RefundExceedsPayment):
        await refund_all(world)
    await world.come_to_rest()


async def test_all_is_refunded_as_far_as_we_know_if_the_gateway_cannot_be_asked(
    world: World,
) -> None:
    await pay(world)
    world.faults.add("list_refunds", GatewayFaultKind.UNREACHABLE)
    await refund_all(world)
    assert world.balance == 0


async def test_a_refund_refused_for_its_amount_leaves_the_true_rest(world: World) -> None:
    await pay(world)
    await refund_externally(world)
    world.faults.add("list_refunds", GatewayFaultKind.UNREACHABLE)
    failed = await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units)
    assert (failed.status, failed.code) == (RefundStatus.FAILED, "amount_too_large")
    with pytest.raises(RefundExceedsPayment) as error:
        await world.use_cases().refund_payment(world.payment().id, SIXTY.minor_units)
    assert error.value.left == FORTY


async def test_a_cancelled_order_gives_back_what_others_have_left_of_its_payment(
    world: World,
) -> None:
    await pay(world)
    await refund_externally(world)
    await world.cancel_order()
    await world.come_to_rest()
    assert world.balance == 0
    assert amounts(world) == [SIXTY, FORTY]
    assert len(amounts(world, RefundStatus.FAILED)) == 1
    assert (await InMemoryBacklogReader(world.database).read()).refunds_failed == 0


async def test_a_refund_by_others_between_two_attempts_is_seen_before_the_second(
    world: World,
) -> None:
    await pay(world)
    world.faults.add("refund", GatewayFaultKind.SERVER_ERROR)
    await world.cancel_order()
    while not amounts(world, RefundStatus.FAILED):
        world.advance(seconds=20)
        await world.recover()
    await refund_externally(world)
    sent = world.steps.count("refund")
    world.advance(minutes=1)
    await world.recover()
    assert world.steps.count("refund") == sent
    await world.come_to_rest()
    assert world.balance == 0


async def test_a_gateway_without_lists_works_as_before() -> None:
    world = WorldWithoutLists()
    await pay(world)
    await charge_refunded(world, SIXTY)
    await refund_all(world)
    await world.come_to_rest()
    assert world.balance == 0


# --- reports that cannot be true ------------------------------------------------------------------


async def test_a_refund_reported_in_another_currency_is_neither_counted_nor_published(
    world: World,
) -> None:
    await pay(world)
    payment, euros = world.payment(), Money(6_000, Currency("eur"))
    assert payment.charge_id is not None
    outcomes: list[RefundOutcome] = [RefundPending("re_1"), Refunded("re_1", euros)]
    for number, outcome in enumerate(outcomes):
        reported = ReportedRefund("re_1", euros, outcome, OTHERS)
        await world.receive(
            RefundNotification(f"evt_{number}", payment.id, payment.charge_id, reported)
        )
    (refund,) = world.order().refunds
    assert (refund.amount.is_zero, refund.code) == (True, "currency_mismatch")
    assert world.order().refundable(payment) == PRICE
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.EXTERNAL_REFUND_MISMATCH, payment.id)
    assert "re_1" in alert.text
    await world.use_cases().relay_outbox.run_once()
    assert world.count_events("payment:refunded") == 0
