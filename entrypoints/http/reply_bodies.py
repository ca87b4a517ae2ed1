"""The JSON bodies of replies: those of the reference service, extended by RFC 9457.

Their types are the one source of what is sent and of what the OpenAPI document says.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from entrypoints.body_fields import (
    ChargeIdText,
    CurrencyCode,
    GatewayName,
    MinorUnits,
    Moment,
    OrderIdText,
    PaymentIdText,
    PaymentStatusText,
    RefundStatusText,
)
from entrypoints.http.validation import MAX_CHARACTERS


class NextAction(Struct, rename="camel"):
    """What the customer must do."""

    type: Annotated[
        str, Meta(description="`redirect_to_url`, or another of the gateway's, such as for its SDK")
    ]
    redirect_url: Annotated[str, Meta(description="Where to send the customer")] | UnsetType = UNSET


class PaymentBody(Struct, rename="camel"):
    """A payment, as its payer sees it. Amounts are in minor units."""

    id: PaymentIdText
    order_id: OrderIdText
    status: PaymentStatusText
    amount: MinorUnits
    currency: CurrencyCode
    created_at: Moment
    gateway: GatewayName
    stripe_id: (
        Annotated[str, Meta(description="The same as chargeId, as in the reference service")]
        | UnsetType
    ) = UNSET
    charge_id: ChargeIdText | UnsetType = UNSET
    authorized_until: (
        Annotated[
            Moment,
            Meta(description="When the gateway releases the money unless it is captured before"),
        ]
        | UnsetType
    ) = UNSET
    captured_amount: (
        Annotated[MinorUnits, Meta(description="In minor units, if it is not the amount")]
        | UnsetType
    ) = UNSET
    code: (
        Annotated[str, Meta(description="Why it failed, was reversed or is in review")] | UnsetType
    ) = UNSET
    release_reason: (
        Annotated[str, Meta(description="Why an operator released it; only operators see it")]
        | UnsetType
    ) = UNSET
    refunded_amount: MinorUnits | UnsetType = UNSET
    client_secret: (
        Annotated[str, Meta(description="With which the gateway's SDK goes on in a browser")]
        | UnsetType
    ) = UNSET
    next_action: NextAction | UnsetType = UNSET


class SessionBody(Struct, rename="camel"):
    """A session, as the payer sees it. The amount is in minor units."""

    gateway: GatewayName
    token: Annotated[str, Meta(description="What to pay with once the customer has approved")]
    approve_url: Annotated[str, Meta(description="Where to send the customer")]
    amount: MinorUnits
    currency: CurrencyCode


class GatewayBody(Struct, rename="camel"):
    """A gateway that an order may be paid at."""

    gateway: GatewayName
    public_key: Annotated[str, Meta(description="The gateway's key for browsers")] | UnsetType = (
        UNSET
    )
    degraded: (
        Annotated[bool, Meta(description="Present if it has failed lately; then it comes last")]
        | UnsetType
    ) = UNSET


class OptionsBody(Struct, rename="camel"):
    """How an order may be paid. The amount is in minor units."""

    order_id: OrderIdText
    amount: MinorUnits
    currency: CurrencyCode
    expires_at: Annotated[
        Moment | None,
        Meta(description="Until when the order can be paid; null: no end is known"),
    ]
    gateways: Annotated[list[GatewayBody], Meta(description="The best first")]
    payment: PaymentBody | UnsetType = UNSET


class RefundBody(Struct, rename="camel"):
    """A refund, as the operator sees it. Amounts are in minor units."""

    id: Annotated[str, Meta(min_length=1, description="Of the refund")]
    payment_id: PaymentIdText
    order_id: OrderIdText
    amount: MinorUnits
    currency: CurrencyCode
    status: RefundStatusText
    reason: Annotated[str, Meta(min_length=1, max_length=MAX_CHARACTERS)]
    code: Annotated[str, Meta(description="Why it failed")] | UnsetType = UNSET


class MoneyBody(Struct):
    """An amount in minor units."""

    amount: MinorUnits
    currency: CurrencyCode


class ReadyBody(Struct):
    """The result of each readiness check."""

    status: str
    checks: dict[str, str]


class ErrorDetail(Struct):
    """One error of a request, in the form of the reference service."""

    message: str
    field: (
        Annotated[str, Meta(description="The field, parameter or header that is wrong")] | UnsetType
    ) = UNSET
    code: Annotated[str, Meta(description="For programs")] | UnsetType = UNSET


class Problem(Struct):
    """The `errors` of the reference service as an RFC 9457 problem."""

    errors: Annotated[list[ErrorDetail], Meta(min_length=1)]
    title: str
    status: Annotated[int, Meta(ge=400, le=599, description="The HTTP status")]
    type: str = "about:blank"
    id: PaymentIdText | UnsetType = UNSET
    """The id of `payment`, in the same place as in a successful reply."""
    payment: PaymentBody | UnsetType = UNSET
    """The payment that the problem is about."""
    due: MoneyBody | UnsetType = UNSET
    """The amount due for the order."""
    authorized: MoneyBody | UnsetType = UNSET
    """The amount that is authorized."""
    left: MoneyBody | UnsetType = UNSET
    """The amount that may still be refunded."""
    checks: dict[str, str] | UnsetType = UNSET
    """The result of each readiness check."""
