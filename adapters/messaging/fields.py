"""The types of fields in our events: their limits and descriptions are in the document of events.

They are not checked when an event is written: what is in it was checked before it was stored.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from domain.money import MAX_MINOR_UNITS

PaymentIdText = Annotated[
    str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$", description="The id of the payment")
]
OrderIdText = Annotated[
    str,
    # As long as the ids in order events may be.
    Meta(min_length=1, max_length=255, description="The id of the order, as text"),
]
RefundIdText = Annotated[str, Meta(min_length=1, description="The id of the refund")]
ChargeIdText = Annotated[str, Meta(min_length=1, description="The gateway's id of the money")]
StripeIdText = Annotated[
    str, Meta(min_length=1, description="The gateway's id of the money, whichever gateway it is")
]
MinorUnits = Annotated[
    int, Meta(ge=0, le=MAX_MINOR_UNITS, description="In minor units of the currency")
]
CurrencyCode = Annotated[str, Meta(pattern="^[a-z]{3}$", description="ISO 4217, in small letters")]
GatewayName = Annotated[
    str, Meta(min_length=1, description="The gateway that has the money: `stripe`, `paypal`, …")
]
Moment = Annotated[datetime, Meta(tz=True)]
