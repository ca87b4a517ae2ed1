"""The lists of charges, refunds and disputes in pages.

https://developer.paypal.com/docs/api/transaction-search/v1/ and
https://developer.paypal.com/docs/api/customer-disputes/v1/#disputes_list
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from attrs import evolve, frozen

from adapters.gateways.paypal.client import PayPalApi, TimeLeft, querying, together
from adapters.gateways.paypal.errors import RequestRefused
from adapters.gateways.paypal.events import listed_event
from adapters.gateways.paypal.labels import Label, LabelKey
from adapters.gateways.paypal.notifications import read_event
from adapters.gateways.paypal.objects import (
    ID,
    Json,
    Unreadable,
    amount,
    identifier,
    items,
    link,
    nested,
    text,
    time,
)
from adapters.gateways.paypal.orders import MODES, PATH, PayPalOrder, charged_by
from adapters.gateways.paypal.statuses import Progress, refund_progress
from adapters.gateways.paypal.windows import Window, first_window
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
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
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Pending
from domain.payment import Payment

RECORDS_DELAY: Final = timedelta(hours=3)
"""How long PayPal takes to report a transaction, at most
(https://developer.paypal.com/docs/transaction-search/)."""

# What PayPal says of a charge is read from its order, in two requests each; so many charges are
# read within a few seconds.
_PAGE: Final = 20
_AT_ONCE: Final = 10

# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/: T00 is a payment,
# T13 an authorization, T1107 a refund.
_PAYMENT: Final = "T00"
_AUTHORIZATION: Final = "T13"
_REFUND: Final = "T1107"

# S is successful, P pending, D denied, V reversed.
_REFUND_STATUSES: Final = {"S": "COMPLETED", "P": "PENDING", "D": "FAILED", "V": "CANCELLED"}

_DISPUTES: Final = "/v1/customer/disputes"
_TRANSACTIONS: Final = "/v1/reporting/transactions"
_TOO_MANY: Final = "RESULTSET_TOO_LARGE"

# PayPal lists the disputes of 180 days; an hour less, because clocks differ.
_OLDEST_DISPUTE: Final = timedelta(days=180) - timedelta(hours=1)


@frozen
class PayPalRecords:
    """What one account has made."""

    api: PayPalApi

    async def charges(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        """Return a page of charges; see the port's GatewayRecords."""
        async with querying() as left:
            rows, following = await self.transactions(period, cursor, left)
            gate = asyncio.Semaphore(_AT_ONCE)
            charges = [each for each in rows if _code(each).startswith((_PAYMENT, _AUTHORIZATION))]
            records = await together(self._charge(each, gate, left) for each in charges)
        is_foreign = [
            _code(each).startswith(_PAYMENT) and Label.read(each.get("custom_field")) is None
            for each in charges
        ]
        return Page([each for each in records if each is not None], following, sum(is_foreign))

    async def refunds(self, period: Period, cursor: str | None) -> Page[ListedRefund]:
        """Return a page of refunds; see the port's GatewayRecords."""
        async with querying() as left:
            rows, following = await self.transactions(period, cursor, left)
        records = [self._refund(each) for each in rows if _code(each) == _REFUND]
        return Page([each for each in records if each is not None], following)

    async def disputes(self, period: Period, cursor: str | None) -> Page[ListedDispute]:
        """Return a page of disputes; see the port's GatewayRecords."""
        oldest = datetime.now(UTC) - _OLDEST_DISPUTE
        since = max(period.since, oldest).replace(microsecond=0)
        query = {"start_time": _written(since), "page_size": str(_PAGE)}
        if cursor is not None:
            query["next_page_token"] = cursor
        async with querying() as left:
            body = await self.api.get(f"{_DISPUTES}?{urlencode(query)}", left())
            listed = [(text(each, "dispute_id"), each) for each in items(body, "items")]
            created = {id_: time(each, "create_time") for id_, each in listed}
            gate = asyncio.Semaphore(_AT_ONCE)
            records = await together(
                self._dispute(each, at, gate, left)
                for each, at in created.items()
                if since <= at < period.until
            )
        following = parse_qs(urlsplit(link(body, "next") or "").query).get(
            "next_page_token", [None]
        )
        return Page([each for each in records if each is not None], following[0])

    # --- transactions --------------------------------------------------------------------------

    async def transactions(
        self,
        period: Period,
        cursor: str | None,
        left: TimeLeft,
        *,
        page_size: int = _PAGE,
        affects_balance: bool = False,
    ) -> tuple[list[Json], str | None]:
        """Return some transactions of a period, and what to ask for the next ones with."""
        window = first_window(period) if cursor is None else Window.read(cursor, period)
        if window is None:
            return [], None
        query = {
            "start_date": _written(window.since),
            "end_date": _written(window.until),
            "page": str(window.page),
            "page_size": str(page_size),
            "fields": "transaction_info",
            "balance_affecting_records_only": "Y" if affects_balance else "N",
        }
        try:
            body = await self.api.get(f"{_TRANSACTIONS}?{urlencode(query)}", left())
        except RequestRefused as refused:
            if refused.error.issue == _TOO_MANY and (half := window.half()) is not None:
                return [], half.text
            # What is too new for PayPal's reports is refused, not empty.
            if refused.error.status == 400 and window.since > datetime.now(UTC) - RECORDS_DELAY:
                return [], None
            raise
        rows = [nested(each, "transaction_info") for each in items(body, "transaction_details")]
        found = [
            each for each in rows if window.contains(time(each, "transaction_initiation_date"))
        ]
        pages = body.get("total_pages")
        is_last = not isinstance(pages, int) or window.page >= pages
        following = window.after(period) if is_last else window.turned()
        return found, None if following is None else following.text

    def _read(self, body: bytes) -> Notification:
        return read_event(body, livemode=self.api.livemode, key=self.api.label_key)

    async def _charge(
        self, row: Json, gate: asyncio.Semaphore, left: TimeLeft
    ) -> ChargeRecord | None:
        label = Label.read(row.get("custom_field"))
        if label is None:
            return None
        transaction, is_payment = identifier(row, "transaction_id"), _code(row).startswith(_PAYMENT)
        kind = "captures" if is_payment else "authorizations"
        made: Json = {"id": transaction, "custom_id": row.get("custom_field")}
        try:
            async with gate:
                made = await self.api.get(f"/v2/payments/{kind}/{transaction}", left())
                related = nested(nested(made, "supplementary_data"), "related_ids")
                body = await self.api.get(f"{PATH}/{identifier(related, 'order_id')}", left())
            order = PayPalOrder(body, self.api.livemode)
            payment = _claimed(order, self.api.label_key)
            return _record(transaction, order, payment, is_payment=is_payment)
        except (Unreadable, RequestRefused) as error:
            if isinstance(error, RequestRefused) and error.error.status != 404:
                raise
            event = "PAYMENT.CAPTURE.COMPLETED" if is_payment else "PAYMENT.AUTHORIZATION.CREATED"
            content = listed_event(made, event)
            at = time(row, "transaction_initiation_date")
            found = self._taken(self._read(content), made) if is_payment else self._read(content)
            return UnreadableCharge(found, content, at)

    def _taken(self, read: Notification, capture: Json) -> Notification:
        """Add what a capture in our own reports proves: its money is on our account."""
        is_taken = capture.get("status") in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
        if not isinstance(read, PaymentNotification) or not is_taken:
            return read
        order = nested(nested(capture, "supplementary_data"), "related_ids").get("order_id")
        reference = order if isinstance(order, str) and ID.fullmatch(order) else None
        with suppress(Unreadable):
            outcome = charged_by(capture, reference, livemode=self.api.livemode)
            return evolve(read, outcome=outcome)
        return read

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


def _record(
    transaction: str, order: PayPalOrder, payment: Payment | None, *, is_payment: bool
) -> ChargeRecord | None:
    """Return what an order says of one of its captures or authorizations.

    An authorization is a record until it is captured or released.

    Raises:
        Unreadable: it does not describe its payment completely.
    """
    if payment is None:
        raise Unreadable("the label does not describe the payment")
    match order.outcome(payment):
        case Charged() | Pending() as outcome if is_payment:
            return ListedCharge(payment, outcome, _refunded(order))
        case Authorized() | Pending() as outcome if not order.captures:
            return ListedCharge(payment, outcome, _refunded(order))
        case Declined() as declined if is_payment:
            return FailedCharge(payment, ChargeId(transaction), declined)
        case _:
            return None


def _claimed(order: PayPalOrder, key: LabelKey) -> Payment | None:
    label, mode = order.label, MODES.get(str(order.body.get("intent")))
    if label is None or mode is None:
        return None
    return label.claimed(
        amount(order.unit), mode, livemode=order.livemode, key=key, reference=order.id
    )


def _refunded(order: PayPalOrder) -> Money:
    """Return how much was refunded of an order, or is on its way back."""
    ends = (Progress.SUCCEEDED, Progress.OPEN)
    made = (each for each in order.refunds if refund_progress(text(each, "status")) in ends)
    return _total((amount(each) for each in made), Money(0, amount(order.unit).currency))


def _total(amounts: Iterable[Money], total: Money) -> Money:
    for each in amounts:
        total += each
    return total


def _code(row: Json) -> str:
    return str(row.get("transaction_event_code", ""))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
