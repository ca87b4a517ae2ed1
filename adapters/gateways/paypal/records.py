"""The lists of charges, refunds and disputes in pages.

https://developer.paypal.com/docs/api/transaction-search/v1/ and
https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_list
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import frozen

from adapters.gateways.calls import TimeLeft, together
from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.events import listed_event
from adapters.gateways.paypal.labels import Label
from adapters.gateways.paypal.listed_charges import AUTHORIZATION, PAYMENT, ListedCharges
from adapters.gateways.paypal.notifications import read_event
from adapters.gateways.paypal.objects import (
    Json,
    items,
    link,
    nested,
    text,
    time,
)
from adapters.gateways.paypal.queries import querying
from adapters.gateways.paypal.transactions import Transactions, code_of, written
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import (
    ChargeRecord,
    ListedDispute,
    ListedRefund,
    Page,
    Period,
)

# What PayPal says of a charge is read from its order, in two requests each; so many charges are
# read within a few seconds.
_PAGE: Final = 20
_AT_ONCE: Final = 10

# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/
_REFUND: Final = "T1107"

# S is successful, P pending, D denied, V reversed.
_REFUND_STATUSES: Final = {"S": "COMPLETED", "P": "PENDING", "D": "FAILED", "V": "CANCELLED"}

_DISPUTES: Final = "/v1/customer/disputes"

# PayPal lists the disputes of 180 days; an hour less, because clocks differ.
_OLDEST_DISPUTE: Final = timedelta(days=180) - timedelta(hours=1)


@frozen
class PayPalRecords:
    """What one account has made."""

    api: PayPalApi

    async def charges(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        """Return a page of charges; see the port's GatewayRecords."""
        async with querying() as left:
            rows, following = await Transactions(self.api).page(
                period, cursor, left, page_size=_PAGE
            )
            gate, read = asyncio.Semaphore(_AT_ONCE), ListedCharges(self.api).read
            charges = [each for each in rows if code_of(each).startswith((PAYMENT, AUTHORIZATION))]
            records = await together(*(read(each, gate, left) for each in charges))
        is_foreign = [
            code_of(each).startswith(PAYMENT) and Label.read(each.get("custom_field")) is None
            for each in charges
        ]
        return Page([each for each in records if each is not None], following, sum(is_foreign))

    async def refunds(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        """Return a page of refunds; see the port's GatewayRecords."""
        async with querying() as left:
            rows, following = await Transactions(self.api).page(
                period, cursor, left, page_size=_PAGE
            )
        records = [self._refund(each) for each in rows if code_of(each) == _REFUND]
        return Page([each for each in records if each is not None], following)

    async def disputes(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        """Return a page of disputes; see the port's GatewayRecords."""
        oldest = datetime.now(UTC) - _OLDEST_DISPUTE
        since = max(period.since, oldest).replace(microsecond=0)
        query = {"start_time": written(since), "page_size": str(_PAGE)}
        if cursor is not None:
            query["next_page_token"] = cursor
        async with querying() as left:
            body = await self.api.get(f"{_DISPUTES}?{urlencode(query)}", left())
            listed = [(text(each, "dispute_id"), each) for each in items(body, "items")]
            created = {id_: time(each, "create_time") for id_, each in listed}
            gate = asyncio.Semaphore(_AT_ONCE)
            records = await together(
                *(
                    self._dispute(each, at, gate, left)
                    for each, at in created.items()
                    if since <= at < period.until
                )
            )
        following = parse_qs(urlsplit(link(body, "next") or "").query).get(
            "next_page_token", [None]
        )
        return Page([each for each in records if each is not None], following[0])

    def _read(self, body: bytes) -> Notification:
        return read_event(body, livemode=self.api.livemode, key=self.api.label_key)

    def _refund(self, row: Json) -> ListedRefund | None:
        """Return a refund as a webhook about it would be read; None if it is not of a capture."""
        charge_id, value = row.get("paypal_reference_id"), nested(row, "transaction_amount")
        if not isinstance(charge_id, str):
            return None
        refund = {
            "id": row.get("transaction_id"),
            "status": _REFUND_STATUSES.get(str(row.get("transaction_status")), "PENDING"),
            "amount": {**value, "value": str(value.get("value", "")).removeprefix("-")},
            "custom_id": row.get("custom_field"),
            "links": [
                {
                    "rel": "up",
                    "href": f"{self.api.base_address}/v2/payments/captures/{charge_id}",
                }
            ],
        }
        body = listed_event(refund, "PAYMENT.CAPTURE.REFUNDED")
        match self._read(body):
            case RefundNotification() | ExternalRefundNotification() | UnusableNotification() as it:
                return ListedRefund(it, body, time(row, "transaction_initiation_date"))
            case _:
                return None

    async def _dispute(
        self, dispute_id: str, created_at: datetime, gate: asyncio.Semaphore, left: TimeLeft
    ) -> ListedDispute | None:
        async with gate:
            dispute = await self.api.get(f"{_DISPUTES}/{dispute_id}", left())
        outcome = nested(dispute, "dispute_outcome").get("outcome_code")
        body = listed_event(dispute, "CUSTOMER.DISPUTE.UPDATED", dispute_id, outcome)
        match self._read(body):
            case DisputeNotification() | UnusableNotification() as read:
                return ListedDispute(read, body, created_at)
            case _:
                return None
