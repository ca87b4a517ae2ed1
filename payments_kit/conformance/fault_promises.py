"""What a payment gateway promises when its connection fails or it fails itself, as tests."""
# ruff: noqa: D102, S101 - these are tests

import pytest
from attrs import evolve

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined, Refused
from domain.refund import RefundFailed
from payments_kit.conformance.harness import FailingHarness, RefusingHarness, UnreliableHarness
from payments_kit.conformance.samples import a_refund, is_accepted, paid, payment_for


@pytest.mark.asyncio
class UnreliableConnectionContract:
    """What a gateway promises when its connection fails."""

    async def test_a_lost_reply_leaves_the_outcome_unknown(
        self, harness: UnreliableHarness
    ) -> None:
        payment = payment_for(harness)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert found.amount == payment.amount
        assert await harness.charge_count(payment) == 1

    async def test_a_decline_whose_reply_was_lost_is_found_as_a_decline(
        self, harness: UnreliableHarness
    ) -> None:
        payment = payment_for(harness)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(await harness.gateway.find(payment), Declined)

    async def test_a_charge_repeated_after_a_lost_reply_captures_nothing_more(
        self, harness: UnreliableHarness
    ) -> None:
        payment = payment_for(harness)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        again = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(again, Charged)
        assert await harness.charge_count(payment) == 1

    async def test_a_lost_request_leaves_the_outcome_unknown_and_nothing_to_find(
        self, harness: UnreliableHarness
    ) -> None:
        payment = payment_for(harness)
        harness.lose_request("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        assert await harness.gateway.find(payment) is None
        assert await harness.charge_count(payment) == 0

    async def test_an_unreachable_gateway_captures_nothing(
        self, harness: UnreliableHarness
    ) -> None:
        payment = payment_for(harness)
        with pytest.raises(GatewayUnavailable):
            await harness.unreachable.charge(payment, harness.succeeding_token)
        assert await harness.charge_count(payment) == 0

    async def test_an_unreachable_gateway_refunds_nothing(self, harness: UnreliableHarness) -> None:
        payment, charged = await paid(harness)
        with pytest.raises(GatewayUnavailable):
            await harness.unreachable.refund(payment, a_refund(payment, charged))
        assert await harness.refunded_amount(payment) == 0

    async def test_queries_to_an_unreachable_gateway_are_unknown(
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

    async def test_a_query_without_a_reply_is_unknown(self, harness: UnreliableHarness) -> None:
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
        assert is_accepted(await harness.gateway.find_refund(payment, refund))
        assert is_accepted(await harness.gateway.refund(payment, refund))
        assert await harness.refunded_amount(payment) == 400

    async def test_a_refund_that_never_arrived_can_be_repeated(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.lose_request("refund")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert await harness.gateway.find_refund(payment, refund) is None
        assert is_accepted(await harness.gateway.refund(payment, refund))
        assert await harness.refunded_amount(payment) == 400

    async def test_a_refund_query_without_a_reply_is_unknown(
        self, harness: UnreliableHarness
    ) -> None:
        payment, charged = await paid(harness)
        harness.lose_reply("find_refund")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.find_refund(payment, a_refund(payment, charged))

    async def test_an_error_does_not_contain_the_card_token(
        self, harness: UnreliableHarness
    ) -> None:
        token = harness.succeeding_token
        with pytest.raises(GatewayUnavailable) as unavailable:
            await harness.unreachable.charge(payment_for(harness), token)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown) as unknown:
            await harness.gateway.charge(payment_for(harness), token)
        for error in (unavailable.value, unknown.value):
            assert token.value not in _everything_logged(error)


@pytest.mark.asyncio
class RefusingGatewayContract:
    """The promises of a gateway that may refuse the shop instead of a card."""

    async def test_a_refusal_of_the_shop_is_no_decline_and_captures_nothing(
        self, harness: RefusingHarness
    ) -> None:
        payment = payment_for(harness)
        harness.refuse()
        outcome = await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(outcome, Refused)
        assert outcome.code
        assert await harness.charge_count(payment) == 0

    async def test_a_refusal_of_the_shop_has_the_gateway_s_words_without_the_token(
        self, harness: RefusingHarness
    ) -> None:
        harness.refuse()
        outcome = await harness.gateway.charge(payment_for(harness), harness.succeeding_token)
        assert isinstance(outcome, Refused)
        assert outcome.message
        assert harness.succeeding_token.value not in repr(outcome)

    async def test_a_card_can_be_charged_once_the_shop_is_no_longer_refused(
        self, harness: RefusingHarness
    ) -> None:
        harness.refuse()
        await harness.gateway.charge(payment_for(harness), harness.succeeding_token)
        await paid(harness)


@pytest.mark.asyncio
class FailingGatewayContract:
    """What a gateway promises that stores an error under the idempotency key and repeats it."""

    @pytest.mark.parametrize("executed", [False, True])
    async def test_a_stored_error_leaves_a_charge_unknown(
        self, harness: FailingHarness, executed: bool
    ) -> None:
        payment = payment_for(harness)
        harness.fail("charge", executed=executed)
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await harness.gateway.charge(payment, harness.succeeding_token)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged) is executed
        assert (found is None) is not executed
        assert await harness.charge_count(payment) == int(executed)

    async def test_a_stored_error_ends_a_refund_attempt_and_the_next_succeeds(
        self, harness: FailingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.fail("refund", executed=False)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert isinstance(await harness.gateway.refund(payment, refund), RefundFailed)
        later = evolve(refund, attempt=1)
        assert is_accepted(await harness.gateway.refund(payment, later))
        assert await harness.refunded_amount(payment) == 400

    async def test_a_refund_executed_before_a_stored_error_is_found(
        self, harness: FailingHarness
    ) -> None:
        payment, charged = await paid(harness, 1000)
        refund = a_refund(payment, charged, 400)
        harness.fail("refund", executed=True)
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.refund(payment, refund)
        assert is_accepted(await harness.gateway.find_refund(payment, refund))
        assert is_accepted(await harness.gateway.refund(payment, refund))
        assert await harness.refunded_amount(payment) == 400


def _everything_logged(error: BaseException | None) -> str:
    """Return all texts of an error and its causes, as a log may show them."""
    if error is None:
        return ""
    return (
        f"{error!r} {error}"
        + _everything_logged(error.__cause__)
        + _everything_logged(error.__context__)
    )
