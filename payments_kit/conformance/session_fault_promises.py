"""What a gateway whose customer approves first promises when its connection fails, as tests."""
# ruff: noqa: D102, S101 - these are tests

import pytest

from application.ports.payment_gateway import OutcomeUnknown
from domain.outcome import Approved, Charged
from payments_kit.conformance.session_harness import UnreliableSessionHarness
from payments_kit.conformance.session_samples import approved, charge, opened, take


@pytest.mark.asyncio
class UnreliableSessionContract:
    """What such a gateway promises when its connection fails."""

    async def test_a_charge_is_found_by_its_reference_although_the_reply_was_lost(
        self, harness: UnreliableSessionHarness
    ) -> None:
        payment, session = await opened(harness)
        await harness.approve(session.token)
        harness.lose_reply("charge")
        with pytest.raises(OutcomeUnknown):
            await charge(harness, payment, session)
        assert isinstance(await harness.gateway.find(payment), Charged)
        assert await harness.charge_count(payment) == 1

    async def test_what_was_taken_is_found_although_the_reply_was_lost(
        self, harness: UnreliableSessionHarness
    ) -> None:
        payment, _ = await approved(harness)
        harness.lose_reply("take")
        with pytest.raises(OutcomeUnknown):
            await take(harness, payment)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert await take(harness, payment) == found
        assert await harness.charge_count(payment) == 1

    async def test_a_lost_request_takes_nothing_and_can_be_repeated(
        self, harness: UnreliableSessionHarness
    ) -> None:
        payment, _ = await approved(harness)
        harness.lose_request("take")
        with pytest.raises(OutcomeUnknown):
            await take(harness, payment)
        assert isinstance(await harness.gateway.find(payment), Approved)
        assert await harness.charge_count(payment) == 0
        assert isinstance(await take(harness, payment), Charged)
        assert await harness.charge_count(payment) == 1
