"""What every payment gateway promises, as tests.

The tests use only the port and the domain, so that they apply to any adapter: run them with
`pytest --gateway`, or subclass the contracts that the gateway's test mode allows, each with a
fixture `harness`. fault_promises.py and authentication_promises.py have the other contracts.
"""

import asyncio

import pytest
from attrs import evolve

from application.ports.payment_gateway import MAX_KEY_LENGTH, OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Currency
from domain.outcome import Charged, Declined
from domain.refund import Refunded, RefundFailed
from payments_kit.conformance.harness import Harness, currencies, unknown_token
from payments_kit.conformance.samples import (
    a_payment,
    a_refund,
    is_accepted,
    paid,
    payment_for,
    refunded,
)


@pytest.mark.asyncio
class PaymentGatewayContract:
    """What every gateway promises, in any test mode."""

    async def test_a_charge_captures_the_requested_amount(self, harness: Harness) -> None:
        payment = payment_for(harness, 1999)
        outcome = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(outcome, Charged)
        assert outcome.charge_id
        assert outcome.amount == payment.amount
        assert outcome.livemode == harness.gateway.livemode
        assert payment.mismatch(outcome) is None
        assert await harness.charge_count(payment) == 1

    async def test_an_amount_is_in_minor_units_of_its_currency(self, harness: Harness) -> None:
        for currency in currencies(harness):
            # Card networks know no third decimal: Stripe, for one, wants a 0 there.
            minor_units = 12340 if Currency(currency).decimals == 3 else 999
            payment = a_payment(minor_units, currency)
            outcome = await harness.gateway.charge(payment, harness.succeeding_token)
            assert isinstance(outcome, Charged), currency
            assert outcome.amount == payment.amount, currency

    async def test_the_longest_key_is_accepted(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        refund = evolve(a_refund(payment, charged, 400), attempt=10)
        assert max(len(payment.id), len(refund.key)) <= MAX_KEY_LENGTH
        assert is_accepted(await harness.gateway.refund(payment, refund))
        assert is_accepted(await harness.gateway.find_refund(payment, refund))

    async def test_a_declined_card_is_declined_with_a_code(self, harness: Harness) -> None:
        payment = payment_for(harness)
        outcome = await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(outcome, Declined)
        assert outcome.code
        assert await harness.charge_count(payment) == 0

    async def test_an_unknown_token_is_declined(self, harness: Harness) -> None:
        payment = payment_for(harness)
        outcome = await harness.gateway.charge(payment, unknown_token(harness))
        assert isinstance(outcome, Declined)
        assert await harness.charge_count(payment) == 0

    async def test_a_repeated_charge_captures_nothing_more(self, harness: Harness) -> None:
        payment, first = await paid(harness)
        again = await harness.gateway.charge(payment, harness.succeeding_token)
        assert again == first
        assert await harness.charge_count(payment) == 1

    async def test_a_repeated_declined_charge_stays_declined(self, harness: Harness) -> None:
        payment = payment_for(harness)
        first = await harness.gateway.charge(payment, harness.declined_token)
        again = await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(first, Declined)
        assert isinstance(again, Declined)
        assert again.code == first.code

    async def test_a_repeated_charge_with_another_card_captures_nothing(
        self, harness: Harness
    ) -> None:
        payment = payment_for(harness)
        await harness.gateway.charge(payment, harness.declined_token)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        assert await harness.charge_count(payment) == 0

    async def test_concurrent_repeats_of_a_charge_capture_once(self, harness: Harness) -> None:
        payment = payment_for(harness)
        results = await asyncio.gather(
            *(harness.gateway.charge(payment, harness.succeeding_token) for _ in range(8)),
            return_exceptions=True,
        )
        known = [each for each in results if isinstance(each, Charged)]
        unknown = [each for each in results if isinstance(each, OutcomeUnknown)]
        assert len(known) + len(unknown) == len(results)
        assert len({each.charge_id for each in known}) == 1
        assert await harness.charge_count(payment) == 1

    async def test_two_payments_are_two_charges(self, harness: Harness) -> None:
        (one, first), (other, second) = await paid(harness), await paid(harness)
        assert first.charge_id != second.charge_id
        assert await harness.charge_count(one) == await harness.charge_count(other) == 1

    # --- name, check and close -----------------------------------------------------------------

    async def test_a_gateway_has_a_name(self, harness: Harness) -> None:
        assert harness.gateway.name.strip()

    async def test_a_reachable_gateway_passes_its_check(self, harness: Harness) -> None:
        await harness.gateway.check()

    async def test_closing_twice_is_harmless(self, harness: Harness) -> None:
        await paid(harness)
        await harness.gateway.close()
        await harness.gateway.close()

    # --- find ----------------------------------------------------------------------------------

    async def test_a_payment_that_was_never_sent_is_not_found(self, harness: Harness) -> None:
        await paid(harness)
        assert await harness.gateway.find(payment_for(harness)) is None

    async def test_a_charge_is_found_right_after_its_reply(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        assert await harness.gateway.find(payment) == charged

    async def test_a_charge_is_found_by_its_reference(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        named = evolve(payment, reference=charged.reference)
        assert await harness.gateway.find(named) == charged

    async def test_a_payment_with_an_unknown_reference_is_not_found(self, harness: Harness) -> None:
        _, charged = await paid(harness)
        unknown = f"{charged.reference or charged.charge_id}x"
        payment = evolve(payment_for(harness), reference=unknown)
        assert await harness.gateway.find(payment) is None
        assert await harness.gateway.cancel(payment) is None

    async def test_a_charge_is_found_among_many(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        await asyncio.gather(*(paid(harness) for _ in range(12)))
        assert await harness.gateway.find(payment) == charged

    async def test_a_decline_is_found_as_a_decline(self, harness: Harness) -> None:
        payment = payment_for(harness)
        declined = await harness.gateway.charge(payment, harness.declined_token)
        found = await harness.gateway.find(payment)
        assert isinstance(declined, Declined)
        assert isinstance(found, Declined)
        assert found.code == declined.code

    async def test_a_charged_payment_cannot_be_cancelled(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        assert await harness.gateway.cancel(payment) == charged

    async def test_cancelling_a_payment_that_was_never_sent_finds_nothing(
        self, harness: Harness
    ) -> None:
        assert await harness.gateway.cancel(payment_for(harness)) is None

    # --- refund --------------------------------------------------------------------------------

    async def test_a_full_refund_returns_the_whole_amount(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcome = await refunded(harness, payment, a_refund(payment, charged))
        assert is_accepted(outcome)
        assert not isinstance(outcome, Refunded) or outcome.amount == payment.amount
        assert await harness.refunded_amount(payment) == 1000

    async def test_a_partial_refund_returns_its_amount(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcome = await refunded(harness, payment, a_refund(payment, charged, 400))
        assert is_accepted(outcome)
        assert not isinstance(outcome, Refunded) or outcome.amount.minor_units == 400
        assert await harness.refunded_amount(payment) == 400

    async def test_a_repeated_refund_returns_nothing_more(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        first = await harness.gateway.refund(payment, refund)
        assert await harness.gateway.refund(payment, refund) == first
        assert await harness.refunded_amount(payment) == 400

    async def test_two_refunds_of_one_payment_return_both_amounts(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        for minor_units in (400, 600):
            await harness.gateway.refund(payment, a_refund(payment, charged, minor_units))
        assert await harness.refunded_amount(payment) == 1000

    async def test_concurrent_refunds_never_exceed_the_charge(self, harness: Harness) -> None:
        payment, charged = await paid(harness, 1000)
        outcomes = await asyncio.gather(
            *(harness.gateway.refund(payment, a_refund(payment, charged, 600)) for _ in range(2))
        )
        assert sorted(map(is_accepted, outcomes)) == [False, True]
        assert sum(isinstance(each, RefundFailed) for each in outcomes) == 1
        assert await harness.refunded_amount(payment) == 600

    async def test_a_refund_of_an_unknown_charge_fails(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        unknown = evolve(charged, charge_id=ChargeId(charged.charge_id + "x"))
        outcome = await harness.gateway.refund(payment, a_refund(payment, unknown))
        assert isinstance(outcome, RefundFailed)
        assert outcome.code

    async def test_a_refund_is_found_right_after_its_reply(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        refund = a_refund(payment, charged, 400)
        assert await harness.gateway.find_refund(payment, refund) is None
        outcome = await harness.gateway.refund(payment, refund)
        assert await harness.gateway.find_refund(payment, refund) == outcome

    async def test_only_the_current_attempt_of_a_refund_is_found(self, harness: Harness) -> None:
        payment, charged = await paid(harness)
        refund = a_refund(payment, charged, 400)
        await harness.gateway.refund(payment, refund)
        later = evolve(refund, attempt=1)
        assert await harness.gateway.find_refund(payment, later) is None

    async def test_a_refund_with_a_reference_is_found_by_it_even_if_it_is_external(
        self, harness: Harness
    ) -> None:
        payment, charged = await paid(harness)
        ours = a_refund(payment, charged, 300)
        await harness.gateway.refund(payment, ours)
        outcome = await harness.gateway.refund(payment, a_refund(payment, charged, 400))
        external = evolve(a_refund(payment, charged, 400), reference=outcome.reference)
        assert await harness.gateway.find_refund(payment, external) == outcome
        unknown = evolve(ours, reference=f"{outcome.reference}x")
        assert await harness.gateway.find_refund(payment, unknown) is None
