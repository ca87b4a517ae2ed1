"""The failures of real gateways, on demand and without a clock of its own."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, evolve, field

from adapters.gateways.card_tokens import CARDS
from adapters.gateways.in_memory import Faults, GatewayFaultKind, GatewayLedger, InMemoryGateway
from application.ports.gateway_notifications import PaymentNotification, RefundNotification
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, RequiresAction
from domain.refund import Refunded, RefundFailed, RefundPending
from payments_kit.conformance.promises import a_payment, a_refund

VISA = CardToken("tok_visa")


@define
class World:
    """A gateway, a clock that moves only when told to, and what was waited for."""

    at: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    steps: list[str] = field(factory=list)
    faults: Faults = field(factory=Faults)
    ledger: GatewayLedger = field(init=False)
    gateway: InMemoryGateway = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = GatewayLedger(lambda: self.at)
        self.gateway = InMemoryGateway(
            self.ledger, self.faults, self._checkpoint, sleep=self._sleep
        )

    async def _checkpoint(self, step: str) -> None:
        self.steps.append(step)

    async def _sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("prefix", ["tok_", "pm_card_"])
@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("chargeDeclined", "generic_decline"),
        ("visa_chargeDeclined", "generic_decline"),
        ("chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("chargeDeclinedLostCard", "lost_card"),
        ("chargeDeclinedStolenCard", "stolen_card"),
        ("chargeDeclinedExpiredCard", "expired_card"),
        ("chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("chargeDeclinedProcessingError", "processing_error"),
        ("chargeDeclinedFraudulent", "fraudulent"),
        ("nobody_s", "resource_missing"),
    ],
)
async def test_a_test_card_is_declined_as_at_stripe(
    world: World, prefix: str, card: str, code: str
) -> None:
    outcome = await world.gateway.charge(a_payment(), CardToken(prefix + card))
    assert isinstance(outcome, Declined)
    assert outcome.code == code


@pytest.mark.parametrize("token", sorted(CARDS))
async def test_every_test_card_has_some_outcome(world: World, token: str) -> None:
    payment = a_payment()
    assert await world.gateway.charge(payment, CardToken(token)) == await world.gateway.find(
        payment
    )


async def test_a_checkpoint_is_passed_on_the_way_there_and_back(world: World) -> None:
    await world.gateway.charge(a_payment(), VISA)
    assert world.steps == ["charge", "charge answered"]


@pytest.mark.parametrize("trouble", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED])
async def test_a_gateway_that_did_not_look_did_nothing(
    world: World, kind: GatewayFaultKind
) -> None:
    world.faults.add("charge", kind)
    payment = a_payment()
    with pytest.raises(GatewayUnavailable):
        await world.gateway.charge(payment, VISA)
    assert await world.gateway.find(payment) is None
    assert world.faults.happened == {kind: 1}


async def test_a_late_request_lands_without_anybody_waiting_for_it(world: World) -> None:
    world.faults.add("charge", GatewayFaultKind.LATE, seconds=60)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)
    world.at += timedelta(seconds=59)
    assert await world.gateway.find(payment) is None
    world.at += timedelta(seconds=1)
    assert [charged for charged, _ in world.ledger.all()] == [payment.id]
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_late_request_lands_once_beside_one_that_was_faster(world: World) -> None:
    world.faults.add("charge", GatewayFaultKind.LATE, seconds=1)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)
    await world.gateway.charge(payment, VISA)
    world.at += timedelta(seconds=1)
    assert len((await world.gateway.record(payment.id)).attempts) == 1


async def test_a_slow_answer_comes_and_a_slower_one_does_not(world: World) -> None:
    began = world.at
    world.faults.add("charge", GatewayFaultKind.SLOW, seconds=3)
    assert isinstance(await world.gateway.charge(a_payment(), VISA), Charged)
    assert world.at - began == timedelta(seconds=3)
    world.faults.add("charge", GatewayFaultKind.SLOW, seconds=CALL_SECONDS + 1)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)
    assert world.at - began == timedelta(seconds=3 + CALL_SECONDS)
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_slip_of_the_gateway_is_reported_as_it_is_by_every_answer(world: World) -> None:
    captured_amount = Money(777, Currency("eur"))
    world.faults.misreport(captured_amount, livemode=True)
    payment = a_payment()
    outcome = await world.gateway.charge(payment, VISA)
    assert isinstance(outcome, Charged)
    assert (outcome.amount, outcome.livemode) == (captured_amount, True)
    assert await world.gateway.find(payment) == outcome
    assert payment.mismatch(outcome) == "currency_mismatch"
    other = await world.gateway.charge(a_payment(), VISA)
    assert isinstance(other, Charged)
    assert other.amount == payment.amount


async def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    payment = a_payment()
    first = await world.gateway.charge(payment, VISA)
    world.at += timedelta(hours=23, minutes=59)
    assert await world.gateway.charge(payment, VISA) == first
    world.at += timedelta(minutes=1)
    assert await world.gateway.charge(payment, VISA) != first


async def test_a_server_error_does_not_replace_an_earlier_answer(world: World) -> None:
    payment = a_payment()
    first = await world.gateway.charge(payment, VISA)
    world.faults.add("charge", GatewayFaultKind.SERVER_ERROR)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)
    assert await world.gateway.charge(payment, VISA) == first


async def test_a_repeated_charge_gets_the_first_answer_whatever_came_since(world: World) -> None:
    payment, token = a_payment(), CardToken("tok_threeDSecure2Required")
    first = await world.gateway.charge(payment, token)
    assert isinstance(first, RequiresAction)
    await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert await world.gateway.charge(payment, token) == first
    assert isinstance(await world.gateway.find(payment), Charged)


async def test_a_card_may_be_declined_after_authentication(world: World) -> None:
    payment = a_payment()
    token = CardToken("tok_threeDSecureRequiredChargeDeclined")
    assert isinstance(await world.gateway.charge(payment, token), RequiresAction)
    outcome = await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert isinstance(outcome, Declined)
    assert outcome.code == "generic_decline"


async def test_completing_what_does_not_wait_changes_nothing(world: World) -> None:
    payment = a_payment()
    charged = await world.gateway.charge(payment, VISA)
    assert await world.gateway.complete_authentication(payment.id, succeeded=False) == charged
    assert await world.gateway.complete_authentication(a_payment().id, succeeded=True) is None


async def test_money_given_back_by_hand_already_counts_as_the_refund(world: World) -> None:
    payment = a_payment()
    charged = await world.gateway.charge(payment, VISA)
    assert isinstance(charged, Charged)
    reference = await world.gateway.refund_externally(payment.id)
    refund = a_refund(payment, charged)
    outcome = await world.gateway.refund(payment, refund)
    assert outcome == Refunded(reference or "", payment.amount)
    assert await world.gateway.refund(payment, refund) == outcome
    assert await world.gateway.refund_externally(a_payment().id) is None


async def test_less_given_back_by_hand_does_not_count(world: World) -> None:
    payment = a_payment(1000)
    charged = await world.gateway.charge(payment, VISA)
    assert isinstance(charged, Charged)
    await world.gateway.refund_externally(payment.id, Money(600, Currency("usd")))
    outcome = await world.gateway.refund(payment, a_refund(payment, charged, 600))
    assert outcome == RefundFailed("amount_too_large")


async def test_a_refund_may_wait_for_the_bank_and_fail_there(world: World) -> None:
    payment = a_payment()
    charged = await world.gateway.charge(payment, CardToken("tok_pendingRefund"))
    assert isinstance(charged, Charged)
    refund = a_refund(payment, charged)
    assert isinstance(await world.gateway.refund(payment, refund), RefundPending)
    await world.gateway.finish_refund(payment.id, refund.id, succeeded=False)
    assert isinstance(await world.gateway.find_refund(payment, refund), RefundFailed)
    later = evolve(refund, attempt=1)
    assert isinstance(await world.gateway.refund(payment, later), RefundPending)
    done = await world.gateway.finish_refund(payment.id, refund.id, succeeded=True)
    assert isinstance(done, Refunded)


async def test_the_ledger_tells_of_everything_that_happened(world: World) -> None:
    payment = a_payment()
    token = CardToken("tok_threeDSecure2Required")
    await world.gateway.charge(payment, token)
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


async def test_it_is_always_there_to_be_checked(world: World) -> None:
    await world.gateway.check()
    await world.gateway.close()
