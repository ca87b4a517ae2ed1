"""The in-memory gateway has the faults of real gateways, on demand and without waiting."""

from datetime import timedelta

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.gateways.simulated.cards import CARDS, METHODS
from application.ports.gateway_notifications import PaymentNotification, RefundNotification
from application.ports.payment_gateway import CALL_SECONDS, CardToken, OutcomeUnknown
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, RequiresAction
from domain.payment import Payment
from domain.refund import Refunded, RefundFailed, RefundPending, ReportedRefund
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.stripe.cards import PAYMENT_METHODS, TOKENS
from tests.world import VISA, World

AUTHENTICATING = CardToken("tok_threeDSecure2Required")


@pytest.fixture
def world() -> World:
    return World()


async def paid(world: World, token: CardToken = VISA) -> tuple[Payment, Charged]:
    payment = a_payment()
    outcome = await world.gateway.charge(payment, token)
    assert isinstance(outcome, Charged)
    return payment, outcome


async def is_unknown(
    world: World, payment: Payment, kind: GatewayFaultKind, seconds: float = 0
) -> None:
    """Charge with a fault that leaves the outcome unknown."""
    world.faults.add("charge", kind, seconds)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)


async def test_its_cards_behave_like_those_of_the_stripe_double(world: World) -> None:
    for token, card in CARDS.items():
        if token in METHODS:
            continue
        double = (TOKENS | PAYMENT_METHODS)[token]
        decline = double.decline and (double.decline.decline_code or double.decline.code)
        assert card.decline == decline, token
        assert card.authenticates == (double.authentication != "never"), token
        assert card.refund_is_pending == (double.refund == "pending"), token
        assert card.is_debit == (double.method != "card"), token
        assert card.can_be_cancelled == double.can_be_cancelled, token
        payment = a_payment()
        outcome = await world.gateway.charge(payment, CardToken(token))
        if not card.authenticates:
            assert (outcome.code if isinstance(outcome, Declined) else None) == decline, token
        assert await world.gateway.find(payment) == outcome


async def test_a_late_request_is_executed_when_it_is_due_and_charges_once(world: World) -> None:
    payment, repeated = a_payment(), a_payment()
    for each in (payment, repeated):
        await is_unknown(world, each, GatewayFaultKind.LATE, 60)
    assert world.faults.happened == {GatewayFaultKind.LATE: 2}
    await world.gateway.charge(repeated, VISA)
    world.advance(seconds=59)
    assert await world.gateway.find(payment) is None
    world.advance(seconds=1)
    assert [len(record.attempts) for _, record in world.ledger.all()] == [1, 1]
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_reply_that_takes_too_long_is_lost(world: World) -> None:
    start = world.time
    world.faults.add("charge", GatewayFaultKind.SLOW, seconds=3)
    await paid(world)
    assert world.time - start == timedelta(seconds=3)
    payment = a_payment()
    await is_unknown(world, payment, GatewayFaultKind.SLOW, CALL_SECONDS + 1)
    assert world.time - start == timedelta(seconds=3 + CALL_SECONDS)
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_mischarge_is_reported_by_every_reply(world: World) -> None:
    captured = Money(777, Currency("eur"))
    world.faults.mischarge(captured, livemode=True)
    payment, charged = await paid(world)
    assert (charged.amount, charged.livemode) == (captured, True)
    assert await world.gateway.find(payment) == charged
    assert payment.mismatch(charged) == "currency_mismatch"
    other, correct = await paid(world)
    assert correct.amount == other.amount


async def test_a_server_error_does_not_replace_an_earlier_reply(world: World) -> None:
    payment, charged = await paid(world)
    await is_unknown(world, payment, GatewayFaultKind.SERVER_ERROR)
    assert await world.gateway.charge(payment, VISA) == charged


async def test_a_key_expires_after_a_day(world: World) -> None:
    payment, charged = await paid(world)
    world.advance(hours=23, minutes=59)
    assert await world.gateway.charge(payment, VISA) == charged
    world.advance(minutes=1)
    assert await world.gateway.charge(payment, VISA) != charged


async def test_a_repeated_charge_gets_the_first_reply_whatever_followed(world: World) -> None:
    payment = a_payment()
    first = await world.gateway.charge(payment, AUTHENTICATING)
    assert isinstance(first, RequiresAction)
    await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert await world.gateway.charge(payment, AUTHENTICATING) == first
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_card_may_be_declined_after_authentication(world: World) -> None:
    payment = a_payment()
    token = CardToken("tok_threeDSecureRequiredChargeDeclined")
    assert isinstance(await world.gateway.charge(payment, token), RequiresAction)
    outcome = await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert isinstance(outcome, Declined)
    assert outcome.code == "generic_decline"


async def test_an_authentication_that_no_payment_waits_for_changes_nothing(world: World) -> None:
    payment, charged = await paid(world)
    assert await world.gateway.complete_authentication(payment.id, succeeded=False) == charged
    assert await world.gateway.complete_authentication(a_payment().id, succeeded=True) is None


async def test_an_external_refund_of_the_same_amount_counts_as_the_refund(world: World) -> None:
    payment, charged = await paid(world)
    reference = await world.gateway.refund_externally(payment.id)
    refund = a_refund(payment, charged)
    for _ in range(2):
        outcome = await world.gateway.refund(payment, refund)
        assert outcome == Refunded(reference or "", payment.amount)
    assert await world.gateway.refund_externally(a_payment().id) is None


async def test_a_smaller_external_refund_does_not_count(world: World) -> None:
    payment, charged = await paid(world)
    await world.gateway.refund_externally(payment.id, Money(600, Currency("usd")))
    outcome = await world.gateway.refund(payment, a_refund(payment, charged, 600))
    assert outcome == RefundFailed("amount_too_large")


async def test_a_pending_refund_may_fail(world: World) -> None:
    payment, charged = await paid(world, CardToken("tok_pendingRefund"))
    refund = a_refund(payment, charged)
    assert isinstance(await world.gateway.refund(payment, refund), RefundPending)
    await world.gateway.finish_refund(payment.id, refund.id, succeeded=False)
    assert isinstance(await world.gateway.find_refund(payment, refund), RefundFailed)
    later = evolve(refund, attempt=1)
    assert isinstance(await world.gateway.refund(payment, later), RefundPending)
    finished = await world.gateway.finish_refund(payment.id, refund.id, succeeded=True)
    assert isinstance(finished, Refunded)


async def test_the_ledger_has_a_notification_for_every_change(world: World) -> None:
    payment = a_payment()
    await world.gateway.charge(payment, AUTHENTICATING)
    charged = await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert isinstance(charged, Charged)
    refund = a_refund(payment, charged)
    refunded = await world.gateway.refund(payment, refund)
    assert isinstance(refunded, Refunded)
    labels = refund.id, refund.key, refund.reason
    reported = ReportedRefund(refunded.reference, refund.amount, refunded, *labels)
    await world.gateway.refund_externally(payment.id, Money(0, Currency("usd")))
    assert world.ledger.notifications == [
        PaymentNotification("evt_00000001", payment.id, None, payment),
        PaymentNotification("evt_00000002", payment.id, charged, payment),
        RefundNotification("evt_00000003", payment.id, charged.charge_id, reported),
    ]
