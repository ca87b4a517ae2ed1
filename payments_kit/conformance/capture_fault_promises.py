"""What a gateway that can capture later promises when its connection fails, and lists, as tests."""
# ruff: noqa: D102, S101 - these are tests

from datetime import timedelta
from typing import Final

import pytest

from application.ports.gateway_captures import GatewayCaptures
from application.ports.gateway_history import GatewayHistory, ListedCharge
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.outcome import Authorized, Charged, Declined
from payments_kit.conformance.capture_promises import capture_of
from payments_kit.conformance.harness import AuthorizationListHarness, UnreliableCapturingHarness
from payments_kit.conformance.samples import authorized, manual_payment_for, to_capture

_HOUR: Final = timedelta(hours=1)


@pytest.mark.asyncio
class UnreliableCaptureContract:
    """What such a gateway promises when its connection fails."""

    async def test_an_authorization_whose_reply_was_lost_is_found(
        self, harness: UnreliableCapturingHarness
    ) -> None:
        payment = manual_payment_for(harness, 1000)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.charge(payment, harness.succeeding_token)
        assert isinstance(await harness.gateway.find(payment), Authorized)
        assert await harness.held_amount(payment) == 1000

    async def test_a_capture_whose_reply_was_lost_is_found_and_not_repeated(
        self, harness: UnreliableCapturingHarness
    ) -> None:
        payment, _ = await authorized(harness, 1000)
        harness.lose_reply("capture")
        with pytest.raises(OutcomeUnknown):
            await capture_of(harness)(to_capture(payment, 600))
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert await capture_of(harness)(to_capture(payment, 600, number=1)) == found
        assert await harness.captured_amount(payment) == 600

    async def test_a_capture_that_never_arrived_can_be_repeated(
        self, harness: UnreliableCapturingHarness
    ) -> None:
        payment, outcome = await authorized(harness, 1000)
        harness.lose_request("capture")
        with pytest.raises(OutcomeUnknown):
            await capture_of(harness)(to_capture(payment, 600))
        found = await harness.gateway.find(payment)
        assert isinstance(found, Authorized)
        assert found.charge_id == outcome.charge_id
        # A gateway with two requests, one for the amount, may hold only that by now.
        assert found.amount.minor_units in (600, 1000)
        assert isinstance(await capture_of(harness)(to_capture(payment, 600, number=1)), Charged)
        assert await harness.captured_amount(payment) == 600

    async def test_a_release_whose_reply_was_lost_is_found(
        self, harness: UnreliableCapturingHarness
    ) -> None:
        payment, _ = await authorized(harness)
        harness.lose_reply("cancel")
        with pytest.raises(OutcomeUnknown):
            await harness.gateway.cancel(payment)
        assert isinstance(await harness.gateway.find(payment), Declined)
        assert await harness.held_amount(payment) == 0

    async def test_an_unreachable_gateway_captures_nothing_later(
        self, harness: UnreliableCapturingHarness
    ) -> None:
        payment, outcome = await authorized(harness)
        capture = GatewayCaptures.of(harness.unreachable).capture
        assert capture is not None
        # Nobody waits for it, so that an adapter may look first and not know more than that.
        with pytest.raises((GatewayUnavailable, OutcomeUnknown)):
            await capture(to_capture(payment))
        assert await harness.gateway.find(payment) == outcome


@pytest.mark.asyncio
class AuthorizationListContract:
    """What such a gateway with `list_charges` promises."""

    async def test_an_authorization_is_listed_right_after_its_reply(
        self, harness: AuthorizationListHarness
    ) -> None:
        since = harness.gateway_time()
        payment, outcome = await authorized(harness)
        list_charges = GatewayHistory.of(harness.gateway).list_charges
        assert list_charges is not None, "the adapter has no list_charges"
        listed = await list_charges(since, harness.gateway_time() + _HOUR)
        readable = [each for each in listed if isinstance(each, ListedCharge)]
        [found] = [each for each in readable if each.payment.id == payment.id]
        assert found.outcome == outcome
        assert found.payment.capture_mode == payment.capture_mode
        assert found.refunded.is_zero
