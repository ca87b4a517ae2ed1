"""The lists of charges, refunds and disputes in pages; https://docs.stripe.com/api/pagination."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Final

from attrs import frozen

from adapters.gateways.stripe.client import StripeApi, querying
from adapters.gateways.stripe.events import listed_event
from adapters.gateways.stripe.history import listed_charge
from adapters.gateways.stripe.labels import claimed_payment, is_ours
from adapters.gateways.stripe.notifications import read_event
from adapters.gateways.stripe.objects import (
    Json,
    created,
    outcome_of_charge,
    text,
)
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import (
    ChargeRecord,
    FailedCharge,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.outcome import Declined

# Nothing changes in them any more (https://docs.stripe.com/api/disputes/object#dispute_object-status),
# as `charge.dispute.closed` says.
_CLOSED: Final = ("won", "lost", "warning_closed", "prevented", "charge_refunded")


@frozen
class StripeRecords:
    """What both of Stripe's APIs have made on one account.

    `expand` is what the charges in their list have to contain.
    """

    api: StripeApi
    expand: Sequence[str] = ()

    async def charges(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        """Return a page of charges; see the port's GatewayRecords."""
        expand = list(self.expand)
        async with querying():
            window = _window(period)
            found, following = await self.api.page(
                "/v1/charges", cursor, created=window, expand=expand
            )
        records = [_charge(each) for each in found]
        foreign = sum(
            record is None and not is_ours(each)
            for each, record in zip(found, records, strict=True)
        )
        return Page([each for each in records if each is not None], following, foreign)

    async def refunds(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        """Return a page of refunds; see the port's GatewayRecords."""
        async with querying():
            found, following = await self.api.page("/v1/refunds", cursor, created=_window(period))
        records = [record for each in found if (record := _refund(each)) is not None]
        return Page(records, following)

    async def disputes(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        """Return a page of disputes; see the port's GatewayRecords."""
        async with querying():
            found, following = await self.api.page("/v1/disputes", cursor, created=_window(period))
        records = [record for each in found if (record := _dispute(each)) is not None]
        return Page(records, following)


def _window(period: Period) -> Mapping[str, int]:
    """Return a period in whole seconds, which are Stripe's times; they are some more time."""
    return {"gte": floor(period.since.timestamp()), "lt": ceil(period.until.timestamp())}


def _charge(charge: Json) -> ChargeRecord | None:
    return listed_charge(charge) or _failed(charge)


def _failed(charge: Json) -> FailedCharge | None:
    payment = claimed_payment(charge)
    if payment is None or charge.get("status") != "failed":
        return None
    try:
        outcome, charge_id = outcome_of_charge(charge), ChargeId(text(charge, "id"))
    except OutcomeUnknown:
        return None
    return FailedCharge(payment, charge_id, outcome) if isinstance(outcome, Declined) else None


def _refund(refund: Json) -> ListedRefund | None:
    """Return a refund as a webhook about it would be read; None if it gives nothing back."""
    body = listed_event(refund, "refund.updated", refund.get("status"))
    match read_event(body):
        case RefundNotification() | ExternalRefundNotification() | UnusableNotification() as read:
            return ListedRefund(read, body, created(refund))
        case _:
            return None


def _dispute(dispute: Json) -> ListedDispute | None:
    status = dispute.get("status")
    end = "closed" if status in _CLOSED else "updated"
    body = listed_event(dispute, f"charge.dispute.{end}", status)
    match read_event(body):
        case DisputeNotification() | UnusableNotification() as read:
            return ListedDispute(read, body, created(dispute))
        case _:
            return None
