"""All objects of the double, and the events about them."""

import json
import string
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

from attrs import define, field

from payments_kit.doubles.paypal.errors import Json, failed

# "It takes a maximum of three hours for executed transactions to appear", and a search that finds
# more than 10,000 fails; https://developer.paypal.com/docs/transaction-search/
REPORTING_LAG: Final = 3 * 3600.0
MAX_REPORTED: Final = 10_000
_ALPHABET: Final = string.ascii_uppercase + string.digits
# 13 characters without 0, 1, I and O; https://developer.paypal.com/docs/api/orders/v2/#definition-account_id
MERCHANT: Final = "DBLEMERCHANT2"
PAYEE: Final[Json] = {"email_address": "merchant@shop.example", "merchant_id": MERCHANT}
PAYER: Final[Json] = {
    "name": {"given_name": "Pat", "surname": "Payer"},
    "email_address": "pat@payer.example",
    "payer_id": "PAYER23456789",
    "address": {"country_code": "US"},
}


@define
class Plan:
    """What the next capture, authorization or refund does, whatever the customer's instrument.

    `issue` refuses it; `report` are fields that the API reports wrongly.
    """

    issue: str | None = None
    status: str | None = None
    reason: str | None = None
    report: Json = field(factory=dict)


@define
class Ledger:
    """All objects by id; a change is one synchronous call, so that no request sees half of it.

    Fields whose name begins with an underscore are the double's own and never shown.
    """

    now: Callable[[], float] = time.time
    random: Random = field(factory=Random)
    orders: dict[str, Json] = field(factory=dict)
    authorizations: dict[str, Json] = field(factory=dict)
    captures: dict[str, Json] = field(factory=dict)
    refunds: dict[str, Json] = field(factory=dict)
    disputes: dict[str, Json] = field(factory=dict)
    movements: list[Json] = field(factory=list)
    """Money that moved otherwise: chargebacks and withdrawals, as reporting.py describes them."""
    events: dict[str, Json] = field(factory=dict)
    reports: dict[str, Json] = field(factory=dict)
    """The fields that the API reports wrongly, by object id."""
    next_captures: list[Plan] = field(factory=list)
    next_authorizations: list[Plan] = field(factory=list)
    next_refunds: list[Plan] = field(factory=list)
    listeners: list[Callable[[Json], None]] = field(factory=list)
    address: str = "https://api-m.sandbox.paypal.com"
    """The API's address; the double's own while it is served."""
    unique_invoices: bool = True
    """Whether an invoice id can be paid once only, which is a setting of a PayPal account."""
    reporting_lag: float = REPORTING_LAG
    """How many seconds transaction search lags behind."""
    max_reported: int = MAX_REPORTED
    """How many transactions a search may find."""
    transaction_reports: dict[str, Json] = field(factory=dict)
    """The fields that transaction search reports wrongly, by transaction id."""
    advanced: float = 0.0
    """How many seconds the double's clock is ahead."""

    def time(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now() + self.advanced

    def timestamp(self, later: float = 0.0) -> str:
        """Return the time as PayPal writes it."""
        return written(self.time() + later)

    def new_id(self, length: int = 17) -> str:
        """Return a new id; PayPal's have 17 upper-case letters and digits."""
        return "".join(self.random.choices(_ALPHABET, k=length))

    def get(self, kind: str, object_id: str) -> Json:
        """Return an object of a kind such as `captures`, or PayPal's 404."""
        objects: dict[str, Json] = getattr(self, kind)
        if (found := objects.get(object_id)) is None:
            raise failed("INVALID_RESOURCE_ID", f"/{kind}", object_id, location="path")
        return found

    def of_order(self, kind: str, order_id: str) -> Iterator[Json]:
        """Yield the objects of a kind that belong to an order, the oldest first."""
        objects: dict[str, Json] = getattr(self, kind)
        yield from (it for it in objects.values() if it["_order"] == order_id)

    def touch(self, it: Json, **changes: object) -> None:
        """Change an object."""
        it |= changes | {"update_time": self.timestamp()}

    def emit(self, type_: str, resource_type: str, resource: Json, summary: str) -> Json:
        """Record an event with a snapshot; https://developer.paypal.com/api/rest/webhooks/."""
        event_id = f"WH-{self.new_id()}-{self.new_id()}"
        event: Json = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": self.timestamp(),
            "resource_type": resource_type,
            "resource_version": "2.0",
            "event_type": type_,
            "summary": summary,
            "resource": json.loads(json.dumps(resource)),
            "links": [
                {
                    "href": f"{self.address}/v1/notifications/webhooks-events/{event_id}",
                    "rel": "self",
                    "method": "GET",
                }
            ],
        }
        self.events[event_id] = event
        for listener in self.listeners:
            listener(event)
        return event

    def clear(self) -> None:
        """Remove everything."""
        for objects in (
            self.orders, self.authorizations, self.captures, self.refunds, self.disputes,
            self.movements, self.events, self.reports, self.transaction_reports,
            self.next_captures, self.next_authorizations, self.next_refunds,
        ):  # fmt: skip
            objects.clear()

    def summary(self) -> Json:
        """Return all objects with their real values, whatever the API reports."""
        return {
            "orders": [_picked(it, "intent", "purchase_units") for it in self.orders.values()],
            **{
                kind: [
                    _picked(it, "amount", "invoice_id", "custom_id", "status_details")
                    | {"order": it["_order"], "misreported": self.reports.get(it["id"], {})}
                    | {name: it[f"_{name}"] for name in more}
                    for it in getattr(self, kind).values()
                ]
                for kind, more in (
                    ("authorizations", ()),
                    ("captures", ("refunded", "authorization")),
                    ("refunds", ("capture",)),
                )
            },
            "disputes": [
                {
                    "id": it["dispute_id"],
                    "amount": it["dispute_amount"],
                    "reason": it["reason"],
                    "status": it["status"],
                    "capture": it["_capture"],
                }
                for it in self.disputes.values()
            ],
        }


def written(seconds: float) -> str:
    """Return a time as PayPal writes it: RFC 3339 in UTC, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _picked(it: Json, *more: str) -> Json:
    return {name: it.get(name) for name in ("id", "status", "create_time", *more)}
