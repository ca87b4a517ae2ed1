"""What a payment gateway promises when the bank requires authentication, as tests."""
# ruff: noqa: D102, S101 - these are tests

import pytest
from attrs import evolve

from domain.outcome import Charged, Declined, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.harness import AuthenticatingHarness
from payments_kit.conformance.samples import payment_for


@pytest.mark.asyncio
class AuthenticationContract:
    """What a gateway promises when the bank requires authentication."""

    async def test_nothing_is_captured_before_authentication(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        assert action.reference
        secrets = [each for each in (action.client_secret, action.redirect_url) if each]
        assert secrets, "the customer gets neither a secret nor an address"
        assert not any(each in repr(action) for each in secrets)
        assert await harness.gateway.find(payment) == action
        assert await harness.charge_count(payment) == 0

    async def test_a_successful_authentication_captures_the_payment(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=True)
        found = await harness.gateway.find(payment)
        assert isinstance(found, Charged)
        assert found.amount == payment.amount
        assert found.reference == action.reference
        assert await harness.charge_count(payment) == 1

    async def test_a_failed_authentication_is_a_decline(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=False)
        assert isinstance(await harness.gateway.find(payment), Declined)
        assert await harness.charge_count(payment) == 0

    async def test_a_cancelled_payment_is_never_charged(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        declined = await harness.gateway.cancel(payment)
        assert isinstance(declined, Declined)
        assert await harness.gateway.find(payment) == declined
        assert await harness.gateway.cancel(payment) == declined
        assert await harness.charge_count(payment) == 0

    async def test_cancelling_after_authentication_reports_the_charge(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, _ = await self._waiting(harness)
        await harness.authenticate(payment, succeeded=True)
        assert isinstance(await harness.gateway.cancel(payment), Charged)

    async def test_a_repeated_charge_creates_no_second_attempt(
        self, harness: AuthenticatingHarness
    ) -> None:
        payment, action = await self._waiting(harness)
        again = await harness.gateway.charge(payment, harness.authenticating_token)
        assert again == action
        await harness.authenticate(payment, succeeded=True)
        assert await harness.charge_count(payment) == 1

    async def _waiting(self, harness: AuthenticatingHarness) -> tuple[Payment, RequiresAction]:
        payment = payment_for(harness)
        outcome = await harness.gateway.charge(payment, harness.authenticating_token)
        assert isinstance(outcome, RequiresAction)
        return evolve(payment, reference=outcome.reference), outcome
