"""The JSON bodies of our events, with what the document of events says about each field."""

from datetime import UTC
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from adapters.messaging.fields import (
    ChargeIdText,
    CurrencyCode,
    GatewayName,
    MinorUnits,
    Moment,
    OrderIdText,
    PaymentIdText,
    RefundIdText,
    StripeIdText,
)
from domain.dispute import DisputeStatus
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from domain.identifiers import ChargeId
from domain.money import Money


class _Body(msgspec.Struct, rename="camel"):
    id: PaymentIdText
    order_id: OrderIdText


class PaymentCreatedBody(_Body):
    """The order is paid: the money is captured."""

    stripe_id: StripeIdText
    charge_id: ChargeIdText
    amount: Annotated[MinorUnits, Meta(description="What was captured, in minor units")]
    currency: CurrencyCode
    gateway: GatewayName
    created_at: Annotated[Moment, Meta(description="When the payment began")]


class PaymentPendingBody(_Body):
    """The gateway has accepted the payment; the money comes later, or the payment fails."""

    amount: MinorUnits
    currency: CurrencyCode
    gateway: GatewayName


class PaymentAuthorizedBody(_Body):
    """The money is held until it is captured or released, or the authorization runs out."""

    stripe_id: StripeIdText
    charge_id: ChargeIdText
    amount: MinorUnits
    currency: CurrencyCode
    gateway: GatewayName
    expires_at: Annotated[Moment, Meta(description="When the gateway releases the money")]


class PaymentVoidedBody(_Body):
    """An authorization is released, by anybody, or it has run out."""

    amount: MinorUnits
    currency: CurrencyCode
    reason: Annotated[str, Meta(description="An operator's own words, or a code")]


class PaymentExpiringBody(_Body):
    """An authorization runs out soon: in a day, or in less if it is shorter."""

    expires_at: Annotated[Moment, Meta(description="When the gateway releases the money")]


class PaymentRefundedBody(_Body):
    """Money of a payment has been given back."""

    refund_id: RefundIdText
    stripe_id: StripeIdText
    amount: Annotated[MinorUnits, Meta(description="What was given back, in minor units")]
    currency: CurrencyCode
    reason: Annotated[str, Meta(description="An operator's own words, or a code")]


class PaymentRefundFailedBody(_Body):
    """Money that was announced as refunded, or should be refunded, is not back."""

    refund_id: RefundIdText
    stripe_id: StripeIdText
    amount: Annotated[MinorUnits, Meta(description="What is not back, in minor units")]
    currency: CurrencyCode
    code: Annotated[str, Meta(description="The gateway's code, or the status of the refund")]


class PaymentFailedBody(_Body):
    """A payment has failed; the order can be paid again."""

    code: Annotated[str, Meta(description="The gateway's code, or the status of the payment")]


class PaymentDisputedBody(_Body):
    """A customer has asked their bank to reverse a payment, or that is decided."""

    dispute_id: Annotated[str, Meta(min_length=1, description="The gateway's id of the dispute")]
    stripe_id: StripeIdText
    amount: Annotated[MinorUnits, Meta(description="What is disputed, in minor units")]
    currency: CurrencyCode
    reason: Annotated[str, Meta(description="The gateway's code for the customer's reason")]
    status: Annotated[str, Meta(extra_json_schema={"enum": [each.value for each in DisputeStatus]})]
    due_by: (
        Annotated[Moment, Meta(description="Until when the gateway awaits evidence, if it does")]
        | msgspec.UnsetType
    ) = msgspec.UNSET


def body_of(event: Event) -> msgspec.Struct:
    """Return the body of an event."""
    ids: dict[str, Any] = {"id": event.payment_id, "order_id": event.order_id}
    match event:
        case PaymentCreated():
            return PaymentCreatedBody(
                **ids,
                **_charge(event.charge_id),
                **_money(event.amount),
                gateway=event.gateway,
                created_at=event.created_at.astimezone(UTC),
            )
        case PaymentPending():
            return PaymentPendingBody(**ids, **_money(event.amount), gateway=event.gateway)
        case PaymentAuthorized():
            return PaymentAuthorizedBody(
                **ids,
                **_charge(event.charge_id),
                **_money(event.amount),
                gateway=event.gateway,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentVoided():
            return PaymentVoidedBody(**ids, **_money(event.amount), reason=event.reason)
        case PaymentExpiring():
            return PaymentExpiringBody(**ids, expires_at=event.expires_at.astimezone(UTC))
        case PaymentFailed():
            return PaymentFailedBody(**ids, code=event.code)
        case PaymentRefunded():
            return PaymentRefundedBody(**ids, **_refund(event), reason=event.reason)
        case PaymentRefundFailed():
            return PaymentRefundFailedBody(**ids, **_refund(event), code=event.code)
        case PaymentDisputed():
            return PaymentDisputedBody(
                **ids,
                **_money(event.amount),
                dispute_id=event.dispute_id,
                stripe_id=event.charge_id,
                reason=event.reason,
                status=event.status,
                due_by=msgspec.UNSET if event.due_by is None else event.due_by.astimezone(UTC),
            )


def _money(amount: Money) -> dict[str, Any]:
    return {"amount": amount.minor_units, "currency": amount.currency.code}


def _charge(charge_id: ChargeId) -> dict[str, Any]:
    """Return the charge under its own name and the reference service's."""
    return {"stripe_id": charge_id, "charge_id": charge_id}


def _refund(event: PaymentRefunded | PaymentRefundFailed) -> dict[str, Any]:
    ids: dict[str, Any] = {"refund_id": event.refund_id, "stripe_id": event.charge_id}
    return ids | _money(event.amount)
