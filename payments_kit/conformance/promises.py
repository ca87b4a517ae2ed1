"""What every payment gateway promises, as tests; parts that need more from a harness stand alone.

It knows nothing but the port and the domain, so that an adapter kept elsewhere can be held to it:
by `pytest --gateway`, or by subclasses of the parts that its test mode allows, each with a fixture
`harness`.
"""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from attrs import evolve

from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.identifiers import ChargeId, OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.outcome import Charged, Declined, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed
from payments_kit.conformance.harness import (
    AuthenticatingHarness,
    FailingHarness,
    Harness,
    UnreliableHarness,
)


def a_payment(minor_units: int = 1000, currency: str = "usd") -> Payment:
    """A payment claimed just now."""
    return Payment(
        id=PaymentId(uuid.uuid4().hex),
        order_id=OrderId(uuid.uuid4().hex),
        user_id=UserId("someone"),
        amount=Money(minor_units, Currency(currency)),
        gateway="any",
        livemode=False,
        created_at=datetime.now(UTC),
    )


def a_refund(payment: Payment, charged: Charged, minor_units: int | None = None) -> Refund:
    """A refund of a payment, of all of it or so much."""
    amount = payment.amount if minor_units is None else Money(minor_units, payment.amount.currency)
    return Refund(
        id=RefundId(uuid.uuid4().hex),
        payment_id=payment.id,
        order_id=payment.order_id,
        charge_id=charged.charge_id,
        amount=amount,
        reason="requested",
        created_at=datetime.now(UTC),
    )


async def paid(harness: Harness, minor_units: int = 1000) -> tuple[Payment, Charged]:
    """A payment that was charged."""
    payment = a_payment(minor_units)
    outcome = await harness.gateway.charge(payment, harness.succeeding_token)
    assert isinstance(outcome, Charged)
    return payment, outcome


@pytest.mark.asyncio
class PaymentGatewayContract:
    """What every gateway promises, whatever its test mode can do."""

    async def test_a_good_card_is_charged_what_was_asked_for(self, harness: Harness) -> None:
        payment = a_payment(1999)
        outcome = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(outcome, Charged)
        assert outcome.charge_id
        assert outcome.amount == payment.amount
        assert outcome.livemode == harness.gateway.livemode
        assert payment.mismatch(outcome) is None
        assert await harness.charges(payment) == 1

    @pytest.mark.parametrize(("minor", "currency"), [(500, "jpy"), (12340, "kwd"), (999, "eur")])
    async def test_a_currency_is_charged_in_its_own_minor_units(
        self, harness: Harness, minor_units: int, currency: str
    ) -> None:
        payment = a_payment(minor_units, currency)
        outcome = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(outcome, Charged)
        assert outcome.amount == Money(minor_units, Currency(currency))

    async def test_a_bad_card_is_declined_with_a_code(self, harness: Harness) -> None:
        payment = a_payment()
        outcome = await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(outcome, Declined)
        assert outcome.code
        assert await harness.charges(payment) == 0

    async def test_a_token_nobody_knows_is_declined(self, harness: Harness) -> None:
        payment = a_payment()
        outcome = await harness.gateway.charge(payment, CardToken("tok_of_nobody"))
        assert isinstance(outcome, Declined)
        assert await harness.charges(payment) == 0

    async def test_a_charge_sent_again_takes_nothing_more(self, harness: Harness) -> None:
        payment, first = await paid(harness)
        again = await harness.gateway.charge(payment, harness.succeeding_token)
        assert again == first
        assert await harness.charges(payment) == 1

    async def test_a_declined_charge_sent_again_stays_declined(self, harness: Harness) -> None:
        payment = a_payment()
        first = await harness.gateway.charge(payment, harness.declined_token)
        again = await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(first, Declined)
        assert isinstance(again, Declined)
        assert again.code == first.code

    async def test_a_charge_sent_again_with_another_card_takes_nothing_more(
        self, harness: Harness
    ) -> None:
        payment = a_payment()
        await harness.gateway.charge(payment, harness.declined_token)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        assert await harness.charges(payment) == 0

    async def test_a_charge_sent_many_times_at_once_is_made_once(self, harness: Harness) -> None:
        payment = a_payment()
        answers = await asyncio.gather(
            *(harness.gateway.charge(payment, harness.succeeding_token) for _ in range(8)),
            return_exceptions=True,
        )
        known = [each for each in answers if isinstance(each, Charged)]
        unknown = [each for each in answers if isinstance(each, OutcomeUnknown)]
        assert len(known) + len(unknown) == len(answers)
        assert len({each.charge_id for each in known}) == 1
        assert await harness.charges(payment) == 1

    async def test_two_payments_are_two_charges(self, harness: Harness) -> None:
        (one, first), (other, second) = await paid(harness), await paid(harness)
        assert first.charge_id != second.charge_id
        assert await harness.charges(one) == await harness.charges(other) == 1

    # --- its owner ------------------------------------------------------------------------------

    async def test_a_gateway_has_a_name(self, harness: Harness) -> None:
        assert harness.gateway.name.strip()

    async def test_a_gateway_that_is_there_passes_its_check(self, harness: Harness) -> None:
        await harness.gateway.check()

    async def test_closing_twice_does_no_harm(self, harness: Harness) -> None:
        await paid(harness)
        await harness.gateway.close()
        await harness.gateway.close()

    # --- find ----------------------------------------------------------------------------------

    async def test_a_payment_never_sent_leaves_no_trace(self, harness: Harness) -> None:
        await paid(harness)
        assert await harness.gateway.find(a_payment()) is None

    async def test_a_charge_is_found_as_soon_as_it_was_answered(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        assert await harness.gateway.find(payment) == charged

    async def test_a_charge_is_found_by_its_reference(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        named = evolve(payment, reference=charged.reference)
        assert await harness.gateway.find(named) == charged

    async def test_a_payment_of_which_even_the_name_is_gone_leaves_no_trace(
        self, harness: Harness
    ) -> None:
        payment = evolve(a_payment(), reference="pi_of_nobody")
        assert await harness.gateway.find(payment) is None
        assert await harness.gateway.cancel(payment) is None

    async def test_a_charge_is_found_among_many(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        await asyncio.gather(*(paid(harness) for _ in range(12)))
        assert await harness.gateway.find(payment) == charged

    async def test_a_decline_is_found_as_a_decline(self, harness: Harness) -> None:
        payment = a_payment()
        declined = await harness.gateway.charge(payment, harness.declined_token)
        found = await harness.gateway.find(payment)
        assert isinstance(declined, Declined)
        assert isinstance(found, Declined)
        assert found.code == declined.code

    async def test_a_charged_payment_cannot_be_called_off(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        assert await harness.gateway.cancel(payment) == charged

    async def test_calling_off_what_never_was_sent_finds_nothing(self, harness: Harness) -> None:
        assert await harness.gateway.cancel(a_payment()) is None

    # --- refund --------------------------------------------------------------------------------

    async def test_a_refund_gives_the_money_back(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcome = await harness.gateway.refund(payment, a_refund(payment, charged))
        assert isinstance(outcome, Refunded)
        assert outcome.amount == payment.amount
        assert await harness.given_back(payment) == 1000

    async def test_a_refund_may_be_of_a_part(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcome = await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        assert isinstance(outcome, Refunded)
        assert outcome.amount.minor_units == 400
        assert await harness.given_back(payment) == 400

    async def test_a_refund_sent_again_gives_nothing_more(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        first = await harness.gateway.refund(payment, refund)
        assert await harness.gateway.refund(payment, refund) == first
        assert await harness.given_back(payment) == 400

    async def test_two_refunds_of_one_payment_are_two(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        for minor_units in (400, 600):
            await harness.gateway.refund(payment, a_refund(payment, charged, minor_units))
        assert await harness.given_back(payment) == 1000

    async def test_never_more_is_given_back_than_was_taken(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcomes = await asyncio.gather(
            *(harness.gateway.refund(payment, a_refund(payment, charged, 600)) for _ in range(2))
        )
        assert sorted(type(each).__name__ for each in outcomes) == ["RefundFailed", "Refunded"]
        assert await harness.given_back(payment) == 600

    async def test_a_refund_of_what_was_never_taken_is_refused(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        unknown = evolve(charged, charge_id=ChargeId(charged.charge_id + "x"))
        outcome = await harness.gateway.refund(payment, a_refund(payment, unknown))
        assert isinstance(outcome, RefundFailed)
        assert outcome.code

    async def test_a_refund_is_found_as_soon_as_it_was_answered(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        refund = a_refund(payment, charged, 400)
        assert await harness.gateway.find_refund(payment, refund) is None
        given = await harness.gateway.refund(payment, refund)
        assert await harness.gateway.find_refund(payment, refund) == given

    async def test_only_the_current_attempt_of_a_refund_is_found(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        refund = a_refund(payment, charged, 400)
        await harness.gateway.refund(payment, refund)
        later = evolve(refund, attempt=1)
        assert await harness.gateway.find_refund(payment, later) is None

    async def test_a_refund_whose_reference_is_known_is_found_by_it_whoever_began_it(
        self, harness: Harness
    ) -> None:
        payment, charged = await paid(harness)
        ours = a_refund(payment, charged, 300)
        await harness.gateway.refund(payment, ours)
        given = await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        theirs = evolve(a_refund(payment, charged, 400), reference=given.reference)
        assert await harness.gateway.find_refund(payment, theirs) == given
        gone = evolve(ours, reference="re_of_nobody")
        assert await harness.gateway.find_refund(payment, gone) is None


@pytest.mark.asyncio
class UnreliableConnectionContract:
    """What a gateway promises while its connection fails."""

    async def test_a_lost_reply_leaves_the_outcome_unknown(
        self, harness: UnreliableHarness
    ) -> None:
        payment = a_payment()
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert found.amount == payment.amount
        assert await harness.charges(payment) == 1

    async def test_a_lost_reply_to_a_decline_is_found_as_a_decline(
        self, harness: UnreliableHarness
    ) -> None:
        payment = a_payment()
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(await harness.gateway.find(payment), Declined)

    async def test_a_charge_sent_again_after_a_lost_reply_takes_nothing_more(
        self, harness: UnreliableHarness
    ) -> None:
        payment = a_payment()
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        again = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(again, Charged)
        assert await harness.charges(payment) == 1

    async def test_a_lost_request_leaves_the_outcome_unknown_and_no_trace(
        self, harness: UnreliableHarness
    ) -> None:
        payment = a_payment()
        harness.lose_request("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        assert await harness.gateway.find(payment) is None
        assert await harness.charges(payment) == 0

    async def test_an_unreachable_gateway_surely_did_nothing(
        self, harness: UnreliableHarness
    ) -> None:
        payment = a_payment()
        with pytest.raises(GatewayUnavailable):
            await harness.unreachable.charge(payment, harness.succeeding_token)
        assert await harness.charges(payment) == 0

    async def test_an_unreachable_gateway_gives_nothing_back(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness)
        with pytest.raises(GatewayUnavailable):
            await harness.unreachable.refund(payment, a_refund(payment, charged))
        assert await harness.given_back(payment) == 0

    async def test_what_an_unreachable_gateway_knows_is_unknown(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness)
        with pytest.raises(OutcomeUnknown):
            await harness.unreachable.find(payment)
        with pytest.raises(OutcomeUnknown):
            await harness.unreachable.cancel(payment)
        with pytest.raises(OutcomeUnknown):
            await harness.unreachable.find_refund(payment, a_refund(payment, charged))

    async def test_an_unreachable_gateway_fails_its_check(self, harness: UnreliableHarness) -> None:
        with pytest.raises((OutcomeUnknown, GatewayUnavailable)):
            await harness.unreachable.check()

    async def test_a_look_that_got_no_reply_says_nothing(self, harness: UnreliableHarness) -> None:
        payment, charged = await paid(harness)
        harness.lose_reply("find")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.find(payment)
        assert await harness.gateway.find(payment) == charged

    async def test_a_refund_whose_reply_was_lost_is_found(self, harness: UnreliableHarness) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.lose_reply("refund")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert isinstance(await harness.gateway.find_refund(payment, refund), Refunded)
        assert isinstance(await harness.gateway.refund(payment, refund), Refunded)
        assert await harness.given_back(payment) == 400

    async def test_a_refund_that_never_arrived_can_be_sent_again(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.lose_request("refund")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert await harness.gateway.find_refund(payment, refund) is None
        assert isinstance(await harness.gateway.refund(payment, refund), Refunded)
        assert await harness.given_back(payment) == 400

    async def test_a_look_for_a_refund_that_got_no_reply_says_nothing(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness)
        harness.lose_reply("find_refund")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.find_refund(payment, a_refund(payment, charged))

    async def test_an_error_names_no_card_token(self, harness: UnreliableHarness) -> None:
        token = harness.succeeding_token
        with pytest.raises(GatewayUnavailable) as unavailable:
            await harness.unreachable.charge(a_payment(), token)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown) as unknown:
            await harness.gateway.charge(a_payment(), token)
        for error in (unavailable.value, unknown.value):
            assert token.value not in _told_by(error)


@pytest.mark.asyncio
class FailingGatewayContract:
    """What a gateway promises that answers with an error, and with the same one ever after."""

    @pytest.mark.parametrize("done", [False, True])
    async def test_a_stored_error_leaves_a_charge_unknown(
        self, harness: FailingHarness, done: bool
    ) -> None:
        payment = a_payment()
        harness.fail("charge", done=done)
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await harness.gateway.charge(payment, harness.succeeding_token)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged) is done
        assert (found is None) is not done
        assert await harness.charges(payment) == int(done)

    async def test_a_stored_error_ends_a_refund_s_attempt_and_the_next_succeeds(
        self, harness: FailingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.fail("refund", done=False)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert isinstance(await harness.gateway.refund(payment, refund), RefundFailed)
        later = evolve(refund, attempt=1)
        assert isinstance(await harness.gateway.refund(payment, later), Refunded)
        assert await harness.given_back(payment) == 400

    async def test_a_refund_made_under_a_stored_error_is_found(
        self, harness: FailingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.fail("refund", done=True)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert isinstance(await harness.gateway.find_refund(payment, refund), Refunded)
        assert isinstance(await harness.gateway.refund(payment, refund), Refunded)
        assert await harness.given_back(payment) == 400


@pytest.mark.asyncio
class AuthenticationContract:
    """What a gateway promises when the bank wants to see the customer."""

    async def test_nothing_is_taken_before_the_customer_was_at_the_bank(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        assert action.reference
        assert action.client_secret
        assert action.client_secret not in repr(action)
        assert await harness.gateway.find(payment) == action
        assert await harness.charges(payment) == 0

    async def test_a_customer_who_proves_themselves_is_charged(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=True)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert found.amount == payment.amount
        assert found.reference == action.reference
        assert await harness.charges(payment) == 1

    async def test_a_customer_who_fails_to_is_declined(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=False)
        assert isinstance(await harness.gateway.find(payment), Declined)
        assert await harness.charges(payment) == 0

    async def test_a_payment_called_off_is_never_charged(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        declined = await harness.gateway.cancel(payment)
        assert isinstance(declined, Declined)
        assert await harness.gateway.find(payment) == declined
        assert await harness.gateway.cancel(payment) == declined
        assert await harness.charges(payment) == 0

    async def test_calling_off_comes_too_late_for_who_was_charged(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=True)
        assert isinstance(await harness.gateway.cancel(payment), Charged)

    async def test_a_charge_sent_again_makes_no_second_attempt(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        again = await harness.gateway.charge(payment, harness.authenticating_token)
        assert again == action
        await harness.authenticate(payment, succeeded=True)
        assert await harness.charges(payment) == 1

    async def _waiting(self, harness: AuthenticatingHarness) -> tuple[Payment, RequiresAction]:
        payment = a_payment()
        outcome = await harness.gateway.charge(payment, harness.authenticating_token)
        assert isinstance(outcome, RequiresAction)
        return evolve(payment, reference=outcome.reference), outcome


def _told_by(error: BaseException | None) -> str:
    """Everything an error, and those it came of, would tell a log."""
    if error is None:
        return ""
    return f"{error!r} {error}" + _told_by(error.__cause__) + _told_by(error.__context__)
