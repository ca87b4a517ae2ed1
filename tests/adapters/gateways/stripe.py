"""Stripe's adapters on a double of their own, for the tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen

from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from payments_kit.doubles.stripe import RunningDouble, running_stripe_double

KEY = "sk_test_of_these_tests"


@frozen
class AtStripe:
    """Both adapters on one account."""

    stripe: RunningDouble
    charges: StripeCharges
    intents: StripePaymentIntents

    def sent(self, path: str, method: str = "POST") -> list[dict[str, Any]]:
        """The requests that reached Stripe at this path, oldest first."""
        recent = self.stripe.double.recent
        return [each for each in recent if (each["method"], each["path"]) == (method, path)]


@asynccontextmanager
async def at_stripe(key: str = KEY, address: str | None = None) -> AsyncIterator[AtStripe]:
    """A double, or another address, and the adapters on it."""
    async with running_stripe_double() as stripe:
        api = StripeApi(key, address or stripe.url)
        try:
            yield AtStripe(stripe, StripeCharges(api), StripePaymentIntents(api))
        finally:
            await api.close()
