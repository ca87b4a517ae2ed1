"""PaymentMethods: the conversion of card tokens; https://docs.stripe.com/api/payment_methods."""

import hashlib
import re
from typing import Final

from attrs import frozen

from adapters.gateways.calls import TimeLeft
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.errors import IdempotencyKeyInUse, StoredError
from adapters.gateways.stripe.objects import text
from application.ports.payment_gateway import CardToken, GatewayUnavailable, OutcomeUnknown
from domain.payment import Payment

# What the conversion of a token leaves of its call: enough to open a connection (3 s) and to send
# the intent. If Stripe's reply to the intent then takes too long, recovery finds the outcome.
_SEND_SECONDS: Final = 3.5

# Stripe's test tokens, which may be used any number of times: words in camelCase, such as
# `tok_visa` and `tok_threeDSecure2Required` (https://docs.stripe.com/testing#cards). The names of
# real tokens are random and contain more than one digit.
_TEST_TOKEN: Final = re.compile(r"tok_(?=\D*\d?\D*$)[a-z][A-Za-z_0-9]*")


@frozen
class PaymentMethods:
    """Makes payment methods of one account."""

    api: StripeApi

    async def of_token(self, payment: Payment, token: CardToken, left: TimeLeft) -> str:
        """Return the id of the payment method that a `tok_…` is converted to.

        A token can be converted once. The key depends on the token alone, so that the customer may
        send the same request again after any failure, and gets the same method. No charge was sent,
        so that nothing was captured, whatever fails.
        """
        key = self._token_key(payment, token)
        try:
            try:
                return await self._convert(token, key, left)
            except StoredError:
                # Stripe repeats this error for a day: if the token is still unused, another key
                # helps, and otherwise Stripe says so.
                return await self._convert(token, f"{payment.id}:method", left)
        except OutcomeUnknown as unknown:
            if isinstance(unknown, IdempotencyKeyInUse) and key.startswith(payment.id):
                raise  # another request charges this very payment
            raise GatewayUnavailable(f"before any charge: {unknown}") from None

    async def _convert(self, token: CardToken, key: str, left: TimeLeft) -> str:
        method = await self.api.post(
            "/v1/payment_methods",
            within=left() - _SEND_SECONDS,
            key=key,
            type="card",
            card={"token": token.value},
        )
        return text(method, "id")

    def _token_key(self, payment: Payment, token: CardToken) -> str:
        """Return the key of a conversion; a test token is converted again for every payment."""
        if not self.api.livemode and _TEST_TOKEN.fullmatch(token.value):
            return f"{payment.id}:method"
        return f"method:{hashlib.sha256(token.value.encode(errors='replace')).hexdigest()}"
