"""What a payment gateway promises when the gateway answers with an error, or not at all."""
# ruff: noqa: D102, S101 - these are tests

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import pytest

from application.ports.gateway_captures import GatewayCaptures
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined, Pending, Refused
from payments_kit.conformance.harness import (
    AnsweringCapturingHarness,
    AnsweringHarness,
    StallingCapturingHarness,
    StallingHarness,
    Step,
    UndecidedHarness,
)
from payments_kit.conformance.samples import (
    a_refund,
    authorized,
    is_accepted,
    paid,
    payment_for,
    to_capture,
)

Result = TypeVar("Result")

_UNCERTAIN: Final = (500, 502, 504)
"""The gateway itself, or a proxy before it, does not know what was done."""

_STATUSES: Final = (401, 403, 429, *_UNCERTAIN, 503)
"""Answers that say nothing about a card: our key, its permissions, too many requests, failures."""

_KEY_REFUSED: Final = (401, 403)

_each_status: Final = pytest.mark.parametrize("status", _STATUSES)


@pytest.mark.asyncio
class StallingContract:
    """What a gateway promises when it accepts a request and does not answer; it takes a while."""

    async def test_a_charge_or_refund_without_an_answer_ends_in_time_as_unknown(
        self, harness: StallingHarness
    ) -> None:
        payment, charged = await paid(harness)
        gateway = harness.gateway
        charge = gateway.charge(payment_for(harness), harness.succeeding_token)
        refund = gateway.refund(payment, a_refund(payment, charged))
        await _all_unknown(harness, {"charge": charge, "refund": refund})

    async def test_a_query_without_an_answer_ends_in_time_as_unknown(
        self, harness: StallingHarness
    ) -> None:
        payment, charged = await paid(harness)
        find = harness.gateway.find(payment)
        find_refund = harness.gateway.find_refund(payment, a_refund(payment, charged))
        await _all_unknown(harness, {"find": find, "find_refund": find_refund})


@pytest.mark.asyncio
class StalledCaptureContract:
    """The same of a gateway that can capture later."""

    async def test_a_capture_without_an_answer_ends_in_time_as_unknown(
        self, harness: StallingCapturingHarness
    ) -> None:
        capture = GatewayCaptures.of(harness.gateway).capture
        assert capture is not None
        payment, _ = await authorized(harness)
        await _all_unknown(harness, {"capture": capture(to_capture(payment))})


async def _all_unknown(harness: StallingHarness, calls: dict[Step, Awaitable[object]]) -> None:
    for step in calls:
        harness.stall(step)
    results = await asyncio.gather(*calls.values(), return_exceptions=True)
    for name, result in zip(calls, results, strict=True):
        if isinstance(result, AssertionError):
            raise result
        assert isinstance(result, OutcomeUnknown), f"`{name}`: {result!r}"


@pytest.mark.asyncio
class AnswerContract:
    """What a gateway promises when it answers with an error that is not about the card."""

    @_each_status
    async def test_an_error_of_the_gateway_is_no_decline(
        self, harness: AnsweringHarness, status: int
    ) -> None:
        payment = payment_for(harness)
        harness.answer("charge", status)
        charge = harness.gateway.charge(payment, harness.succeeding_token)
        outcome = await _outcome(charge, status)
        count = await harness.charge_count(payment)
        match outcome:
            case None | Refused():
                assert outcome is None or status in _KEY_REFUSED, f"{status} was {outcome}"
                assert count == 0
            case Charged():  # a request that was sent again, with the same key
                assert count == 1
            case _:
                raise AssertionError(f"{status} was {outcome}")

    @_each_status
    async def test_an_error_of_the_gateway_is_no_failed_refund(
        self, harness: AnsweringHarness, status: int
    ) -> None:
        payment, charged = await paid(harness)
        harness.answer("refund", status)
        outcome = await _outcome(
            harness.gateway.refund(payment, a_refund(payment, charged)), status
        )
        assert outcome is None or is_accepted(outcome), f"{status} was {outcome}"

    @_each_status
    async def test_an_error_of_the_gateway_is_no_missing_payment(
        self, harness: AnsweringHarness, status: int
    ) -> None:
        payment, charged = await paid(harness)
        harness.answer("find", status)
        try:
            assert await harness.gateway.find(payment) == charged, status
        except GatewayUnavailable as error:
            raise AssertionError("a query that fails is OutcomeUnknown") from error
        except OutcomeUnknown:
            assert await harness.gateway.find(payment) == charged

    @_each_status
    async def test_an_error_of_the_gateway_is_no_missing_refund(
        self, harness: AnsweringHarness, status: int
    ) -> None:
        payment, charged = await paid(harness)
        refund = a_refund(payment, charged)
        sent = await harness.gateway.refund(payment, refund)
        harness.answer("find_refund", status)
        try:
            assert await harness.gateway.find_refund(payment, refund) == sent, status
        except GatewayUnavailable as error:
            raise AssertionError("a query that fails is OutcomeUnknown") from error
        except OutcomeUnknown:
            assert await harness.gateway.find_refund(payment, refund) == sent


@pytest.mark.asyncio
class AnsweredCaptureContract:
    """The same of a gateway that can capture later."""

    @_each_status
    async def test_an_error_of_the_gateway_is_no_failed_capture(
        self, harness: AnsweringCapturingHarness, status: int
    ) -> None:
        capture = GatewayCaptures.of(harness.gateway).capture
        assert capture is not None
        payment, _ = await authorized(harness)
        harness.answer("capture", status)
        outcome = await _outcome(capture(to_capture(payment)), status)
        assert outcome is None or isinstance(outcome, Charged), f"{status} was {outcome}"
        held = await harness.held_amount(payment)
        assert held == (payment.amount.minor_units if outcome is None else 0)


async def _outcome(call: Awaitable[Result], status: int) -> Result | None:
    """Return the outcome; None if it is unknown, or certainly nothing was done."""
    try:
        return await call
    except OutcomeUnknown:
        return None
    except GatewayUnavailable:
        assert status not in _UNCERTAIN, f"after a {status}, something may have been done"
        return None


@pytest.mark.asyncio
class UndecidedContract:
    """What a gateway promises about a charge that it has accepted and the bank not decided."""

    async def test_a_charge_that_is_not_decided_is_neither_declined_nor_charged(
        self, harness: UndecidedHarness
    ) -> None:
        payment = payment_for(harness)
        harness.pending()
        charge = harness.gateway.charge(payment, harness.succeeding_token)
        for call in (charge, harness.gateway.find(payment)):
            try:
                outcome = await call
            except OutcomeUnknown:
                continue
            assert not isinstance(outcome, Declined | Refused), f"it was {outcome}"
            assert isinstance(outcome, Pending), f"it was {outcome}"
        assert await harness.charge_count(payment) == 0
