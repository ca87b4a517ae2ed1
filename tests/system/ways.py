"""Every way to pay at Stripe and its steps, for tests that try each step of each way."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from domain.payment_status import CANCELLABLE, PaymentStatus
from tests.system.api_client import Response
from tests.system.deployment import RETURN_ORIGIN
from tests.system.stripe_control import CHARGES, REFUNDS
from tests.system.system import System

BACK: Final = f"{RETURN_ORIGIN}/paid?order=1"
PART: Final = 300
_INTENT: Final = "^/v1/payment_intents/[^/]+/"


@frozen
class Way:
    """One way to pay."""

    token: str = ""
    """Empty: a confirmation token for the method below."""
    method: Mapping[str, str] = {}
    currency: str = "usd"
    reaches: PaymentStatus = PaymentStatus.SUCCEEDED
    """Where the payment is when the gateway has accepted it."""
    steps: tuple[str, ...] = ()
    """What may follow the charge."""

    @property
    def is_manual(self) -> bool:
        """Whether the money is captured later."""
        return self.reaches is PaymentStatus.AUTHORIZED

    @property
    def waits(self) -> bool:
        """Whether the payment waits for its customer or its money."""
        return self.reaches in CANCELLABLE

    async def request(self, system: System) -> dict[str, Any]:
        """Return what the customer's browser sends, besides the order."""
        token = self.token or await system.stripe.confirmation_token(self.method)
        is_redirect = self.reaches is PaymentStatus.REQUIRES_ACTION
        return {"token": token, "return_url": BACK if is_redirect else None}


WAYS: Final = {
    "a card's token": Way("tok_visa", steps=("refund",)),
    "a payment method": Way("pm_card_visa"),
    "a card": Way(method={"payment_method": "pm_card_visa"}),
    "a redirect": Way(
        method={"payment_method_data[type]": "ideal"},
        currency="eur",
        reaches=PaymentStatus.REQUIRES_ACTION,
        steps=("cancel",),
    ),
    "a voucher": Way(
        method={"payment_method_data[type]": "boleto"},
        currency="brl",
        reaches=PaymentStatus.PENDING,
        steps=("cancel",),
    ),
    "a debit": Way("pm_usBankAccount_success", reaches=PaymentStatus.PENDING, steps=("cancel",)),
    "an authorization": Way(
        "tok_visa", reaches=PaymentStatus.AUTHORIZED, steps=("capture", "void")
    ),
}
"""A new way to pay is a new line: each of its steps is then tried with each fault."""

PATHS: Final = {
    "charge": CHARGES,
    "refund": REFUNDS,
    "cancel": f"{_INTENT}cancel$",
    "capture": f"{_INTENT}capture$",
    "void": f"{_INTENT}cancel$",
}
"""The requests of each step."""


async def act(system: System, step: str, payment_id: str, serve: int) -> Response:
    """Do a step that follows the charge."""
    match step:
        case "refund":
            return await system.api.refund(payment_id, PART, serve=serve)
        case "cancel":
            return await system.api.cancel(payment_id, serve=serve)
        case "capture":
            return await system.api.capture(payment_id, PART, serve=serve)
        case _:
            return await system.api.void(payment_id, serve=serve)


async def be_paid(system: System, way: Way, order_id: str, reference: str | None) -> None:
    """Act as the customer and their bank, at a payment that waits for them."""
    if way.token:
        await system.stripe.finish_debits(order_id)
    else:
        await system.stripe.authenticate(str(reference))
