"""Stripe's adapters, connected to a double of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen

from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from payments_kit.doubles.stripe import RunningDouble, running_stripe_double

KEY = "sk_test_gateway"
CHARGES, INTENTS = "/v1/charges", "/v1/payment_intents"


@frozen
class Account:
    """Both adapters on one account, and one of them to test."""

    stripe: RunningDouble
    charges: StripeCharges
    intents: StripePaymentIntents
    path: str

    @property
    def gateway(self) -> StripeCharges | StripePaymentIntents:
        return self.charges if self.path == CHARGES else self.intents

    def sent(self, path: str, method: str = "POST") -> list[dict[str, Any]]:
        """Return the requests that reached Stripe at this path, oldest first."""
        recent = self.stripe.double.recent
        return [each for each in recent if (each["method"], each["path"]) == (method, path)]


@asynccontextmanager
async def stripe_account(
    path: str = INTENTS, key: str = KEY, address: str | None = None
) -> AsyncIterator[Account]:
    """Start a double, and connect the adapters to it or to another address."""
    async with running_stripe_double() as stripe:
        api = StripeApi(key, address or stripe.url)
        try:
            yield Account(stripe, StripeCharges(api), StripePaymentIntents(api), path)
        finally:
            await api.close()
