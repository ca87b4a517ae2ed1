"""What a payment gateway promises that can authorize now and capture later, as tests."""
# ruff: noqa: D102, S101 - these are tests

import asyncio

import pytest
from attrs import evolve

from application.ports.gateway_captures import Capture, GatewayCaptures
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureFailed
from domain.outcome import Charged, Declined
from payments_kit.conformance.harness import (
    CapturingHarness,
    ExpiringHarness,
    Harness,
)
from payments_kit.conformance.samples import (
    a_refund,
    authorized,
    is_accepted,
    manual_payment_for,
    paid,
    to_capture,
)


def capture_of(harness: Harness) -> Capture:
    """Return the adapter's method."""
    capture = GatewayCaptures.of(harness.gateway).capture
    assert capture is not None, "the adapter has no capture"
    return capture


@pytest.mark.asyncio
class CaptureContract:
    """What a gateway with `capture` promises."""

    async def test_an_authorization_holds_the_amount_and_captures_nothing(
        self, harness: CapturingHarness
    ) -> None:
        payment, outcome = await authorized(harness, 1999)
        assert outcome.charge_id
        assert payment.mismatch(outcome) is None
        assert outcome.until > payment.created_at
        assert await harness.held_amount(payment) == 1999
        assert await harness.captured_amount(payment) == 0
        assert await harness.charge_count(payment) == 0

    async def test_an_authorization_is_found_right_after_its_reply(
        self, harness: CapturingHarness
    ) -> None:
        payment, outcome = await authorized(harness)
        assert await harness.gateway.find(payment) == outcome
        assert await harness.gateway.find(evolve(payment, reference=None)) == outcome

    async def test_a_repeated_authorization_holds_the_amount_once(
        self, harness: CapturingHarness
    ) -> None:
        payment = manual_payment_for(harness, 1000)
        first = await harness.gateway.charge(payment, harness.succeeding_token)
        assert await harness.gateway.charge(payment, harness.succeeding_token) == first
        assert await harness.held_amount(payment) == 1000

    async def test_a_declined_card_is_not_authorized(self, harness: CapturingHarness) -> None:
        payment = manual_payment_for(harness)
        outcome = await harness.gateway.charge(payment, harness.declined_token)
        assert isinstance(outcome, Declined)
        assert await harness.held_amount(payment) == 0

    async def test_a_payment_that_is_to_be_captured_at_once_holds_nothing(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await paid(harness, 1000)
        assert await harness.held_amount(payment) == 0
        assert await harness.captured_amount(payment) == 1000

    async def test_a_capture_of_the_whole_amount_leaves_nothing_held(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness, 1000)
        outcome = await capture_of(harness)(to_capture(payment))
        assert isinstance(outcome, Charged)
        assert to_capture(payment).mismatch(outcome) is None
        assert await harness.gateway.find(payment) == outcome
        assert await harness.captured_amount(payment) == 1000
        assert await harness.held_amount(payment) == 0

    async def test_a_capture_of_a_part_releases_the_rest(self, harness: CapturingHarness) -> None:
        payment, _ = await authorized(harness, 1000)
        outcome = await capture_of(harness)(to_capture(payment, 600))
        assert isinstance(outcome, Charged)
        assert outcome.amount.minor_units == 600
        assert await harness.gateway.find(payment) == outcome
        assert await harness.captured_amount(payment) == 600
        assert await harness.held_amount(payment) == 0

    async def test_a_repeated_capture_captures_nothing_more(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness, 1000)
        first = await capture_of(harness)(to_capture(payment, 400))
        assert await capture_of(harness)(to_capture(payment, 400)) == first
        assert await harness.captured_amount(payment) == 400

    async def test_a_second_capture_with_another_key_captures_nothing_more(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness, 1000)
        first = await capture_of(harness)(to_capture(payment, 400))
        assert await capture_of(harness)(to_capture(payment, 400, number=1)) == first
        assert await capture_of(harness)(to_capture(payment, 600, number=2)) == first
        assert await harness.captured_amount(payment) == 400

    async def test_concurrent_captures_capture_once(self, harness: CapturingHarness) -> None:
        payment, _ = await authorized(harness, 1000)
        captures = [to_capture(payment, 400, number=number % 2) for number in range(6)]
        results = await asyncio.gather(*map(capture_of(harness), captures), return_exceptions=True)
        assert all(isinstance(each, Charged | OutcomeUnknown) for each in results), results
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert {found} >= {each for each in results if isinstance(each, Charged)}
        assert await harness.captured_amount(payment) == 400

    async def test_a_capture_of_too_much_fails_and_leaves_the_authorization(
        self, harness: CapturingHarness
    ) -> None:
        payment, outcome = await authorized(harness, 1000)
        failed = await capture_of(harness)(to_capture(payment, 1001))
        assert isinstance(failed, CaptureFailed)
        assert failed.code
        assert await harness.gateway.find(payment) == outcome
        assert await harness.held_amount(payment) == 1000
        assert isinstance(await capture_of(harness)(to_capture(payment, number=1)), Charged)
        assert await harness.captured_amount(payment) == 1000

    async def test_cancelling_an_authorization_releases_it_and_is_a_decline(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness)
        released = await harness.gateway.cancel(payment)
        assert isinstance(released, Declined)
        assert await harness.gateway.cancel(payment) == released
        assert await harness.gateway.find(payment) == released
        assert await harness.held_amount(payment) == 0

    async def test_a_capture_after_the_release_reports_the_release(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness)
        released = await harness.gateway.cancel(payment)
        assert isinstance(released, Declined)
        assert await capture_of(harness)(to_capture(payment)) == released
        assert await harness.captured_amount(payment) == 0

    async def test_cancelling_after_the_capture_reports_the_capture(
        self, harness: CapturingHarness
    ) -> None:
        payment, _ = await authorized(harness, 1000)
        captured = await capture_of(harness)(to_capture(payment))
        assert await harness.gateway.cancel(payment) == captured
        assert await harness.captured_amount(payment) == 1000

    async def test_a_captured_part_can_be_refunded(self, harness: CapturingHarness) -> None:
        payment, _ = await authorized(harness, 1000)
        captured = await capture_of(harness)(to_capture(payment, 600))
        assert isinstance(captured, Charged)
        refund = a_refund(payment, captured, 600)
        assert is_accepted(await harness.gateway.refund(payment, refund))
        assert await harness.refunded_amount(payment) == 600


@pytest.mark.asyncio
class ExpiringCaptureContract:
    """What such a gateway promises about an authorization that has run out."""

    async def test_an_authorization_that_has_run_out_is_a_decline(
        self, harness: ExpiringHarness
    ) -> None:
        payment, outcome = await authorized(harness)
        await harness.expire(payment)
        # A gateway may notice only when it is asked to release or capture; Stripe's charges do so.
        found = await harness.gateway.find(payment)
        assert isinstance(found, Declined) or found == outcome
        released = await harness.gateway.cancel(payment)
        assert isinstance(released, Declined)
        assert released.code

    async def test_a_capture_after_the_end_reports_the_end(self, harness: ExpiringHarness) -> None:
        payment, _ = await authorized(harness)
        await harness.expire(payment)
        assert isinstance(await capture_of(harness)(to_capture(payment)), Declined)
        assert await harness.captured_amount(payment) == 0
