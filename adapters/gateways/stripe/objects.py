"""Translation of Stripe's objects: charges and refunds."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeGuard

from adapters.gateways.stripe.amounts import from_stripe
from adapters.gateways.stripe.refusals import code_of
from adapters.gateways.stripe.statuses import Progress, charge_progress, refund_progress
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Pending
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending

Json = Mapping[str, Any]


class Unreadable(OutcomeUnknown):
    """Stripe's object is not as documented."""


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")

MAX_TEXT: Final = 255
"""The longest text in characters that we store; Stripe's identifiers and codes are much shorter."""

MAX_SECRET: Final = 5000
"""The longest text that is only passed on, as in Stripe's OpenAPI description."""


def text(obj: Json, name: str, most: int = MAX_TEXT) -> str:
    """Return a required text field that can be stored.

    Raises:
        Unreadable: it is missing, empty, too long, not text, or not Unicode.
    """
    value = obj.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"Stripe's object has no {name}")
    if len(value) > most or not is_storable(value):
        raise Unreadable(f"Stripe's {name} is too long, or not text")
    return value


def is_storable(value: str) -> bool:
    """Whether a database stores the text: JSON may contain NUL and halves of surrogate pairs."""
    return _UNSTORABLE.search(value) is None


def nested(obj: Json, name: str) -> Json:
    """Return a nested object; empty if there is none."""
    value = obj.get(name)
    return value if isinstance(value, dict) else {}


def amount(obj: Json, name: str) -> Money:
    """Return an amount in the object's currency.

    Raises:
        Unreadable: it is missing, or we cannot express it.
    """
    value = obj.get(name)
    if not is_whole(value):
        raise Unreadable(f"Stripe's object has no {name}")
    try:
        return from_stripe(value, text(obj, "currency"))
    except ValueError as error:
        raise Unreadable(f"Stripe's {name}: {error}") from None


def livemode(obj: Json) -> bool:
    """Whether real money was moved.

    Raises:
        Unreadable: the field is missing.
    """
    value = obj.get("livemode")
    if not isinstance(value, bool):
        raise Unreadable("Stripe's object has no livemode")
    return value


# --- charges: https://docs.stripe.com/api/charges/object ---


# A card's bank answers within seconds. The money of every other method with the status `pending` or
# `processing` comes later (https://docs.stripe.com/payments/payment-methods#payment-notification).
_CARDS: Final = ("card", "card_present", "interac_present")


def is_delayed(charge: Json) -> bool:
    """Whether a charge that has not ended is by a method whose money comes later."""
    method = nested(charge, "payment_method_details").get("type")
    return isinstance(method, str) and method not in _CARDS


# What is not captured expires after 7 days by default (https://docs.stripe.com/api/charges/capture).
_AUTHORIZED_FOR: Final = timedelta(days=7)

RELEASED: Final = "canceled"
"""The code of an authorization that was released, as of an intent that was cancelled."""


def outcome_of_charge(charge: Json) -> Charged | Authorized | Declined | Pending:
    """Return the outcome of a charge, with the amount, currency and mode that Stripe reports.

    A charge that an intent has authorized does not show that it was released: its intent does.

    Raises:
        OutcomeUnknown: it is a card's and not finished, or cannot be read.
    """
    match charge_progress(text(charge, "status")):
        case Progress.SUCCEEDED if charge.get("captured") is True:
            return Charged(
                charge_id=ChargeId(text(charge, "id")),
                amount=amount(charge, "amount_captured"),
                livemode=livemode(charge),
                reference=intent_of(charge),
            )
        case Progress.SUCCEEDED if charge.get("captured") is False:
            if charge.get("refunded") is True:
                return Declined(RELEASED, intent_of(charge))
            return Authorized(
                charge_id=ChargeId(text(charge, "id")),
                amount=amount(charge, "amount"),
                livemode=livemode(charge),
                until=authorized_until(charge),
                reference=intent_of(charge),
            )
        case Progress.FAILED:
            # The bank's own reason, if there is one, as in the error of the declined request.
            outcome = nested(charge, "outcome")
            by_bank = outcome.get("type") == "issuer_declined"
            reason = outcome.get("reason") if by_bank else None
            return Declined(code_of({"decline_code": reason, "code": charge.get("failure_code")}))
        case Progress.WAITING_FOR_MONEY if is_delayed(charge):
            return Pending(intent_of(charge) or text(charge, "id"))
        case _:
            raise OutcomeUnknown("Stripe has not finished the charge")


def intent_of(charge: Json) -> str | None:
    """Return the id of the intent that has made a charge; None if it was made without."""
    has_intent = isinstance(charge.get("payment_intent"), str)
    return text(charge, "payment_intent") if has_intent else None


def authorized_until(charge: Json) -> datetime:
    """Return when Stripe releases an authorization: `capture_before`, else after the usual time.

    Raises:
        Unreadable: neither is known.
    """
    details = nested(charge, "payment_method_details")
    before = nested(details, str(details.get("type"))).get("capture_before")
    if is_whole(before):
        return time_of(before)
    created = charge.get("created")
    if not is_whole(created):
        raise Unreadable("Stripe's charge has no time")
    return time_of(created) + _AUTHORIZED_FOR


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, as Stripe's amounts and times are."""
    return isinstance(value, int) and not isinstance(value, bool)


def time_of(seconds: int) -> datetime:
    """Return one of Stripe's times.

    Raises:
        Unreadable: it is impossible.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unreadable("Stripe's object has an impossible time") from None


def created(obj: Json) -> datetime | None:
    """Return when an object was created; None if that cannot be read."""
    value = obj.get("created")
    try:
        return time_of(value) if is_whole(value) else None
    except Unreadable:
        return None


# --- what is refunded of a charge ---


# Since then, Stripe does not count what is released as refunded, and makes no refund of it
# (https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow).
# Events have the version of their webhook endpoint.
_RELEASES_ARE_NO_REFUNDS: Final = "2025-03-31"


def refunded_of(charge: Json, version: str) -> Money:
    """Return how much of what was captured by a charge is refunded, in any version of the API.

    Raises:
        Unreadable: it cannot be read.
    """
    refunded = amount(charge, "amount_refunded")
    if charge.get("captured") is not True:
        return Money(0, refunded.currency)
    captured, authorized = amount(charge, "amount_captured"), amount(charge, "amount")
    if version >= _RELEASES_ARE_NO_REFUNDS and not refunded.exceeds(captured):
        return refunded
    released = (
        authorized - captured if authorized.exceeds(captured) else Money(0, captured.currency)
    )
    return refunded if released.exceeds(refunded) else refunded - released


def is_release(refund: Json) -> bool:
    """Whether a refund gives nothing back: it releases what was authorized and never captured.

    It does not change the account's balance.
    """
    if refund.get("reason") == "expired_uncaptured_charge":
        return True
    has_no_effect = refund.get("balance_transaction", "") is None
    return has_no_effect and refund.get("status") == "succeeded"


# --- refunds: https://docs.stripe.com/api/refunds/object ---


def outcome_of_refund(refund: Json) -> RefundOutcome:
    """Return the outcome of a refund.

    Raises:
        Unreadable: it cannot be read.
    """
    reference, status = text(refund, "id"), text(refund, "status")
    match refund_progress(status):
        case Progress.SUCCEEDED:
            return Refunded(reference, amount(refund, "amount"))
        case Progress.FAILED:
            code = code_of({"code": refund.get("failure_reason") or status})
            return RefundFailed(code, reference)
        case _:
            return RefundPending(reference)
