"""All objects of the double, and the events about them; https://docs.stripe.com/api/events."""

import json
import string
import time
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field

from payments_kit.doubles.stripe.cards import Card
from payments_kit.doubles.stripe.errors import Json, missing_object

API_VERSION = "2026-10-28.endive"
_ALPHABET = string.ascii_letters + string.digits
KINDS = {
    "ch": ("charges", "charge"),
    "pi": ("payment_intents", "payment_intent"),
    "pm": ("payment_methods", "PaymentMethod"),
    "re": ("refunds", "refund"),
    "dp": ("disputes", "dispute"),
    "evt": ("events", "event"),
    "tok": ("tokens", "token"),
    "ctoken": ("confirmation_tokens", "confirmation token"),
    "txn": ("balance_transactions", "balance transaction"),
    "po": ("payouts", "payout"),
}


@define
class Plan:
    """What the next charge or refund does, instead of what its card would do.

    `report` are fields that the API reports wrongly.
    """

    status: str | None = None
    report: Json = field(factory=dict)


@define
class Ledger:
    """All objects by id; a change is one synchronous call, so that no request sees half of it."""

    now: Callable[[], float] = time.time
    random: Random = field(factory=Random)
    charges: dict[str, Json] = field(factory=dict)
    payment_intents: dict[str, Json] = field(factory=dict)
    payment_methods: dict[str, Json] = field(factory=dict)
    refunds: dict[str, Json] = field(factory=dict)
    disputes: dict[str, Json] = field(factory=dict)
    events: dict[str, Json] = field(factory=dict)
    tokens: dict[str, Json] = field(factory=dict)
    confirmation_tokens: dict[str, Json] = field(factory=dict)
    balance_transactions: dict[str, Json] = field(factory=dict)
    payouts: dict[str, Json] = field(factory=dict)
    paid_out: dict[str, str] = field(factory=dict)
    """The payout of each balance transaction that is paid out."""
    conversions: dict[str, tuple[str, float]] = field(factory=dict)
    """What a currency is converted to, and the exchange rate; others stay as they are."""
    confirmed_methods: dict[str, str] = field(factory=dict)
    """The payment methods of the confirmation tokens."""
    address: str = "https://hooks.stripe.com"
    """Where the page of the bank is; the double's own address while it is served."""
    cards: dict[str, Card] = field(factory=dict)
    used: set[str] = field(factory=set)
    """The payment methods that cannot be used again."""
    expired: set[str] = field(factory=set)
    """The charges whose authorization has run out."""
    reports: dict[str, Json] = field(factory=dict)
    """The fields that the API reports wrongly, by object id."""
    next_charges: list[Plan] = field(factory=list)
    next_refunds: list[Plan] = field(factory=list)
    listeners: list[Callable[[Json], None]] = field(factory=list)
    search_lag: float = 60.0
    """How many seconds search lags behind: "Under normal operating conditions, data is searchable
    in under 1 minute" (https://docs.stripe.com/search#data-freshness)."""
    indexed: dict[str, Json] = field(factory=dict)
    """What search still shows of objects that have changed since, by their id."""
    request: Json = field(factory=lambda: {"id": None, "idempotency_key": None})

    def new_id(self, prefix: str) -> str:
        """Return a new id with Stripe's prefix for the kind of object."""
        return f"{prefix}_{''.join(self.random.choices(_ALPHABET, k=24))}"

    def timestamp(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self.now())

    def of_kind(self, prefix: str) -> dict[str, Json]:
        """Return all objects with this id prefix."""
        objects: dict[str, Json] = getattr(self, KINDS[prefix][0])
        return objects

    def get(self, prefix: str, object_id: str, param: str, *, status: int = 400) -> Json:
        """Return an object; an unknown id is a 404 in a path, and a 400 in a parameter."""
        if (found := self.of_kind(prefix).get(object_id)) is None:
            raise missing_object(KINDS[prefix][1], object_id, param, status=status)
        return found

    def shown(self, it: Json) -> Json:
        """Return an object as the API reports it, wrong fields included."""
        report = self.reports.get(it["id"])
        return {**it, **report} if report else it

    def emit(self, type_: str, subject: Json) -> Json:
        """Record an event with a snapshot; https://docs.stripe.com/api/events/object."""
        event: Json = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.timestamp(),
            "data": {"object": json.loads(json.dumps(self.shown(subject)))},
            "livemode": bool(self.shown(subject).get("livemode", False)),
            "pending_webhooks": len(self.listeners),
            "request": dict(self.request),
            "type": type_,
        }
        self.events[event["id"]] = event
        for listener in self.listeners:
            listener(event)
        return event

    def clear(self) -> None:
        """Remove everything."""
        for objects in (
            self.charges, self.payment_intents, self.payment_methods, self.refunds, self.disputes,
            self.events, self.tokens, self.confirmation_tokens, self.confirmed_methods, self.cards,
            self.used, self.expired, self.reports, self.next_charges, self.next_refunds,
            self.balance_transactions, self.payouts, self.paid_out, self.conversions,
        ):  # fmt: skip
            objects.clear()

    def summary(self) -> Json:
        """Return all objects with their real values, whatever the API reports."""
        return {
            "charges": [
                _picked(it, "amount_captured", "amount_refunded", "captured", "refunded",
                        "disputed", "payment_intent", "failure_code", "description")
                | {"misreported": self.reports.get(it["id"], {})}
                for it in self.charges.values()
            ],
            "payment_intents": [
                _picked(it, "amount_received", "latest_charge", "canceled_at", "description")
                for it in self.payment_intents.values()
            ],
            "refunds": [
                _picked(it, "charge", "payment_intent", "reason", "failure_reason")
                for it in self.refunds.values()
            ],
            "disputes": [
                {name: it[name] for name in ("id", "amount", "charge", "status", "reason")}
                for it in self.disputes.values()
            ],
            "balance_transactions": [
                {name: it[name] for name in ("id", "type", "source", "currency", "fee", "net")}
                for it in self.balance_transactions.values()
            ],
        }  # fmt: skip


def _picked(it: Json, *more: str) -> dict[str, Any]:
    names = ("id", "amount", "currency", "status", "metadata", "created", *more)
    return {name: it.get(name) for name in names}
