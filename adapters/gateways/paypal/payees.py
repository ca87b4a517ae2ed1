"""OwnPayee: whose account an order at PayPal pays, which must be ours.

Anybody who knows the client id, and every customer does, can create an order in the browser and
name another account in it: https://developer.paypal.com/docs/checkout/standard/customize/pay-another-account/.
Its payee can be changed, too (https://developer.paypal.com/docs/api/orders/v2/#orders_patch).
"""

import asyncio
import uuid

from attrs import define, field, frozen

from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.objects import Json, items, nested
from adapters.gateways.paypal.orders import PATH
from application.ports.payment_gateway import KeyRefused, OutcomeUnknown


@frozen
class Payee:
    """An account at PayPal that gets money."""

    merchant_id: str | None
    email: str | None

    @classmethod
    def of(cls, unit: Json) -> "Payee | None":
        """Return whom a purchase unit names; None if it names nobody: the application's owner."""
        payee = nested(unit, "payee")
        if not payee:
            return None
        merchant_id, email = payee.get("merchant_id"), payee.get("email_address")
        return cls(
            merchant_id if isinstance(merchant_id, str) else None,
            email.lower() if isinstance(email, str) else None,
        )

    def is_same_as(self, other: "Payee") -> bool:
        """Whether both are surely one account: it has one id, and may have several addresses."""
        if self.merchant_id is not None and other.merchant_id is not None:
            return self.merchant_id == other.merchant_id
        return self.email is not None and self.email == other.email


@define
class OwnPayee:
    """The payee of the orders that we create: the owner of the application.

    It is learned from a session. A process that has not created one creates an order to see it,
    which nobody approves and which expires at PayPal.
    """

    _api: PayPalApi
    _known: Payee | None = field(default=None, init=False)
    _asking: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)

    def learn(self, created: Json) -> None:
        """Learn from an order that we have just created without a payee."""
        units = items(created, "purchase_units")
        if self._known is None and len(units) == 1:
            self._known = Payee.of(units[0])

    async def gets(self, unit: Json, within: float) -> bool:
        """Whether the money of a purchase unit is surely ours, now and after its capture.

        Raises:
            GatewayUnavailable, OutcomeUnknown: PayPal does not say who we are.
        """
        named = Payee.of(unit)
        if named is None:
            return True
        if self._known is None:
            await self._ask(unit, within)
        return self._known is not None and self._known.is_same_as(named)

    async def _ask(self, unit: Json, within: float) -> None:
        try:
            async with asyncio.timeout(within), self._asking:
                if self._known is None:
                    body = {"intent": "CAPTURE", "purchase_units": [{"amount": _bare(unit)}]}
                    self.learn(await self._api.post(PATH, within, str(uuid.uuid4()), body))
        except TimeoutError:
            raise OutcomeUnknown("PayPal did not say in time who we are") from None
        except KeyRefused as refused:
            raise KeyRefused(str(refused)) from None  # it is not about the order that we look at
        except RequestRefused as refused:
            raise OutcomeUnknown(f"PayPal does not say who we are: {refused}") from None


def _bare(unit: Json) -> Json:
    """Return an amount without its breakdown: the account can be paid in its currency."""
    amount = nested(unit, "amount")
    return {name: amount.get(name) for name in ("currency_code", "value")}
