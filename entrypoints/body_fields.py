"""The types of fields in the bodies of replies: what the OpenAPI document says of each.

A reply is not checked against them when it is written; the tests check every reply.
"""

from typing import Annotated, Final

from msgspec import Meta

from domain.dispute import DisputeStatus
from domain.money import MAX_MINOR_UNITS
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from entrypoints.opaque_ids import MAX_CHARACTERS

PAYMENT_ID: Final = "[A-Za-z0-9_-]{1,64}"
"""The form of a payment's id: a UUID, or the SHA-256 of a second charge."""

PaymentIdText = Annotated[str, Meta(pattern=f"^{PAYMENT_ID}$", description="Of the payment")]
OrderIdText = Annotated[
    str, Meta(min_length=1, max_length=MAX_CHARACTERS, description="Of the order")
]
UserIdText = Annotated[
    str, Meta(min_length=1, max_length=MAX_CHARACTERS, description="Of the customer")
]
MinorUnits = Annotated[int, Meta(ge=0, le=MAX_MINOR_UNITS, description="In minor units")]
CurrencyCode = Annotated[str, Meta(pattern="^[a-z]{3}$", description="ISO 4217, in small letters")]
GatewayName = Annotated[str, Meta(min_length=1, description="Of the gateway")]
ChargeIdText = Annotated[
    str, Meta(min_length=1, description="The gateway's identifier of the money")
]
Moment = Annotated[
    str, Meta(extra_json_schema={"format": "date-time"}, description="In UTC, with milliseconds")
]
PaymentStatusText = Annotated[
    str,
    Meta(
        description="Later versions may add a status: treat an unknown one as not final.",
        extra_json_schema={"enum": sorted(each.value for each in PaymentStatus)},
    ),
]
RefundStatusText = Annotated[
    str,
    Meta(
        description="Of the refund",
        extra_json_schema={"enum": sorted(each.value for each in RefundStatus)},
    ),
]
DisputeStatusText = Annotated[
    str,
    Meta(
        description="Of the dispute",
        extra_json_schema={"enum": sorted(each.value for each in DisputeStatus)},
    ),
]
