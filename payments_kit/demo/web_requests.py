"""The bodies of the demo page's requests."""

from decimal import Decimal
from typing import Annotated, Final

import msgspec

from payments_kit.demo.order_events import Capture

# Stripe's maximum for one charge (https://docs.stripe.com/currencies), without the cents.
MAX_DOLLARS: Final = 999_999


class NewOrder(msgspec.Struct, frozen=True):
    """The request for a new order: its price in major units, and its lifetime in seconds."""

    price: Decimal
    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)]
    capture: Capture = "automatic"

    def __post_init__(self) -> None:
        """Reject prices that the payments service would have to dead-letter.

        Raises:
            ValueError: the price is out of range, or not in whole cents.
        """
        if not (self.price.is_finite() and 0 < self.price <= MAX_DOLLARS):
            raise ValueError(f"The price must be more than 0 and at most {MAX_DOLLARS}")
        if self.price != round(self.price, 2):
            raise ValueError("The price must be in whole cents")


class NewRefund(msgspec.Struct, frozen=True):
    """The request for a refund: an amount in minor units; all that is left without one."""

    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Decision(msgspec.Struct, frozen=True):
    """The request that reports what the bank has decided about a payment."""

    approved: bool
