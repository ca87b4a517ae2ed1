"""The in-memory gateway has the faults of real gateways, on demand and without waiting."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, evolve, field

from adapters.gateways.in_memory import Faults, GatewayFaultKind, GatewayLedger, InMemoryGateway
from adapters.gateways.simulated.cards import CARDS
from application.ports.gateway_notifications import PaymentNotification, RefundNotification
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, RequiresAction
from domain.payment import Payment
from domain.refund import Refunded, RefundFailed, RefundPending
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.stripe.cards import PAYMENT_METHODS, TOKENS

VISA = CardToken("tok_visa")
AUTHENTICATING = CardToken("tok_threeDSecure2Required")


@define
class World:
    """A gateway with a clock that only tests and waiting calls move."""

    now: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    steps: list[str] = field(factory=list)
    faults: Faults = field(factory=Faults)
    ledger: GatewayLedger = field(init=False)
    gateway: InMemoryGateway = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = GatewayLedger(lambda: self.now)
        self.gateway = InMemoryGateway(
            self.ledger, self.faults, self._checkpoint, sleep=self._sleep
        )

    async def _checkpoint(self, step: str) -> None:
        self.steps.append(step)

    async def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def paid(self, token: CardToken = VISA) -> tuple[Payment, Charged]:
        payment = a_payment(1000)
        outcome = await self.gateway.charge(payment, token)
        assert isinstance(outcome, Charged)
        return payment, outcome

    async def fails(
        self, payment: Payment, kind: GatewayFaultKind, seconds: float = 0
    ) -> type[Exception]:
        """Charge with a fault; return the type of the error."""
        self.faults.add("charge", kind, seconds)
        with pytest.raises((OutcomeUnknown, GatewayUnavailable)) as error:
            await self.gateway.charge(payment, VISA)
        return error.type


@pytest.fixture
def world() -> World:
    return World()


async def test_its_cards_behave_like_those_of_the_stripe_double(world: World) -> None:
    for token, card in CARDS.items():
        double = (TOKENS | PAYMENT_METHODS)[token]
        decline = double.decline and (double.decline.decline_code or double.decline.code)
        assert card.decline == decline, token
        assert card.authenticates == (double.authentication != "never"), token
        assert card.refund_is_pending == (double.refund == "pending"), token
        payment = a_payment()
        outcome = await world.gateway.charge(payment, CardToken(token))
        if not card.authenticates:
            assert (outcome.code if isinstance(outcome, Declined) else None) == decline, token
        assert await world.gateway.find(payment) == outcome


# --- faults ------------------------------------------------------------------------------------


async def test_a_checkpoint_is_awaited_before_and_after_a_request(world: World) -> None:
    await world.paid()
    assert world.steps == ["charge", "charge replied"]


async def test_a_request_that_exceeds_the_rate_limit_does_nothing(world: World) -> None:
    payment = a_payment()
    assert await world.fails(payment, GatewayFaultKind.RATE_LIMITED) is GatewayUnavailable
    assert await world.gateway.find(payment) is None
    assert world.faults.happened == {GatewayFaultKind.RATE_LIMITED: 1}


async def test_a_late_request_is_executed_when_it_is_due_and_charges_once(world: World) -> None:
    payment, repeated = a_payment(), a_payment()
    for each in (payment, repeated):
        assert await world.fails(each, GatewayFaultKind.LATE, 60) is OutcomeUnknown
    await world.gateway.charge(repeated, VISA)
    world.now += timedelta(seconds=59)
    assert await world.gateway.find(payment) is None
    world.now += timedelta(seconds=1)
    assert [len(record.attempts) for _, record in world.ledger.all()] == [1, 1]
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_reply_that_takes_too_long_is_lost(world: World) -> None:
    start = world.now
    world.faults.add("charge", GatewayFaultKind.SLOW, seconds=3)
    await world.paid()
    assert world.now - start == timedelta(seconds=3)
    payment = a_payment()
    error = await world.fails(payment, GatewayFaultKind.SLOW, CALL_SECONDS + 1)
    assert error is OutcomeUnknown
    assert world.now - start == timedelta(seconds=3 + CALL_SECONDS)
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_mischarge_is_reported_by_every_reply(world: World) -> None:
    captured = Money(777, Currency("eur"))
    world.faults.mischarge(captured, livemode=True)
    payment, charged = await world.paid()
    assert (charged.amount, charged.livemode) == (captured, True)
    assert await world.gateway.find(payment) == charged
    assert payment.mismatch(charged) == "currency_mismatch"
    other, correct = await world.paid()
    assert correct.amount == other.amount


async def test_a_server_error_does_not_replace_an_earlier_reply(world: World) -> None:
    payment, charged = await world.paid()
    assert await world.fails(payment, GatewayFaultKind.SERVER_ERROR) is OutcomeUnknown
    assert await world.gateway.charge(payment, VISA) == charged


# --- charges -----------------------------------------------------------------------------------


async def test_a_key_expires_after_a_day(world: World) -> None:
    payment, charged = await world.paid()
    world.now += timedelta(hours=23, minutes=59)
    assert await world.gateway.charge(payment, VISA) == charged
    world.now += timedelta(minutes=1)
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
    payment, charged = await world.paid()
    assert await world.gateway.complete_authentication(payment.id, succeeded=False) == charged
    assert await world.gateway.complete_authentication(a_payment().id, succeeded=True) is None


# --- refunds -----------------------------------------------------------------------------------


async def test_an_external_refund_of_the_same_amount_counts_as_the_refund(world: World) -> None:
    payment, charged = await world.paid()
    reference = await world.gateway.refund_externally(payment.id)
    refund = a_refund(payment, charged)
    for _ in range(2):
        outcome = await world.gateway.refund(payment, refund)
        assert outcome == Refunded(reference or "", payment.amount)
    assert await world.gateway.refund_externally(a_payment().id) is None


async def test_a_smaller_external_refund_does_not_count(world: World) -> None:
    payment, charged = await world.paid()
    await world.gateway.refund_externally(payment.id, Money(600, Currency("usd")))
    outcome = await world.gateway.refund(payment, a_refund(payment, charged, 600))
    assert outcome == RefundFailed("amount_too_large")


async def test_a_pending_refund_may_fail(world: World) -> None:
    payment, charged = await world.paid(CardToken("tok_pendingRefund"))
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
    await world.gateway.refund_externally(payment.id, Money(0, Currency("usd")))
    assert world.ledger.notifications == [
        PaymentNotification("evt_00000001", payment.id, None),
        PaymentNotification("evt_00000002", payment.id, charged),
        RefundNotification("evt_00000003", payment.id, refund.id, refunded),
    ]
