"""Translation of Stripe's objects: charges, payment intents and refunds."""

import re
from collections.abc import Mapping
from typing import Any, Final

from adapters.gateways.stripe.amounts import from_stripe
from adapters.gateways.stripe.refusals import Error, code_of, outcome_of_error
from adapters.gateways.stripe.statuses import (
    Progress,
    charge_progress,
    intent_progress,
    refund_progress,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Charged, Declined, Outcome, Pending, Refused, RequiresAction
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
    if not isinstance(value, int) or isinstance(value, bool):
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


def outcome_of_charge(charge: Json) -> Charged | Declined | Pending:
    """Return the outcome of a charge, with the amount, currency and mode that Stripe reports.

    Raises:
        OutcomeUnknown: it is a card's and not finished, only authorized, or cannot be read.
    """
    match charge_progress(text(charge, "status")):
        case Progress.SUCCEEDED if charge.get("captured") is True:
            has_intent = isinstance(charge.get("payment_intent"), str)
            return Charged(
                charge_id=ChargeId(text(charge, "id")),
                amount=amount(charge, "amount_captured"),
                livemode=livemode(charge),
                reference=text(charge, "payment_intent") if has_intent else None,
            )
        case Progress.FAILED:
            # The bank's own reason, if there is one, as in the error of the declined request.
            outcome = nested(charge, "outcome")
            by_bank = outcome.get("type") == "issuer_declined"
            reason = outcome.get("reason") if by_bank else None
            return Declined(code_of({"decline_code": reason, "code": charge.get("failure_code")}))
        case Progress.WAITING_FOR_MONEY if is_delayed(charge):
            has_intent = isinstance(charge.get("payment_intent"), str)
            return Pending(text(charge, "payment_intent" if has_intent else "id"))
        case _:
            raise OutcomeUnknown("Stripe has not finished the charge")


# --- payment intents: https://docs.stripe.com/api/payment_intents/object ---


def charged_by(intent: Json) -> Charged:
    """Return the outcome of an intent that succeeded and has its charge expanded.

    Raises:
        OutcomeUnknown: it cannot be read.
    """
    outcome = outcome_of_charge(nested(intent, "latest_charge"))
    if not isinstance(outcome, Charged):
        raise Unreadable("Stripe's intent succeeded, but not its charge")
    return Charged(outcome.charge_id, outcome.amount, outcome.livemode, text(intent, "id"))


def charged_by_event(intent: Json) -> Charged:
    """Return the outcome of an intent that succeeded, as an event reports it.

    Since API version 2022-11-15 it names its charge; before, it contained all its charges, newest
    first (https://docs.stripe.com/upgrades#2022-11-15).

    Raises:
        Unreadable: it cannot be read.
    """
    charges = nested(intent, "charges").get("data")
    newest = next(iter(charges), None) if isinstance(charges, list) else None
    charge = newest if intent.get("latest_charge") is None else intent["latest_charge"]
    return Charged(
        charge_id=ChargeId(text(charge if isinstance(charge, dict) else {"id": charge}, "id")),
        amount=amount(intent, "amount_received"),
        livemode=livemode(intent),
        reference=text(intent, "id"),
    )


def declined_by(intent: Json) -> Declined | Refused:
    """Return why an intent was cancelled: its last error, the given reason, or `canceled`."""
    reference = text(intent, "id")
    error = nested(intent, "last_payment_error")
    if error:
        return outcome_of_error(Error(error), reference)
    return Declined(code_of({"code": intent.get("cancellation_reason") or "canceled"}), reference)


def action_for(intent: Json) -> RequiresAction:
    """Return what the customer must do; https://docs.stripe.com/payments/3d-secure.

    Raises:
        Unreadable: the action is missing.
    """
    action = nested(intent, "next_action")
    url = nested(action, "redirect_to_url").get("url")
    return RequiresAction(
        reference=text(intent, "id"),
        client_secret=text(intent, "client_secret", MAX_SECRET),
        next_action=text(action, "type"),
        redirect_url=url if isinstance(url, str) else None,
    )


def outcome_of_intent(intent: Json) -> Outcome:
    """Return the outcome of an intent.

    Raises:
        OutcomeUnknown: it is still in progress.
    """
    match intent_progress(text(intent, "status")):
        case Progress.SUCCEEDED:
            return charged_by(intent)
        case Progress.WAITING_FOR_CUSTOMER:
            return action_for(intent)
        case Progress.WAITING_FOR_MONEY if is_pending(intent):
            return Pending(text(intent, "id"))
        case Progress.FAILED:
            return declined_by(intent)
        case _:
            raise OutcomeUnknown("the payment intent is still in progress at Stripe")


def is_pending(intent: Json) -> bool:
    """Whether the money of an intent, which has its charge expanded, comes later."""
    is_waiting = intent_progress(text(intent, "status")) is Progress.WAITING_FOR_MONEY
    return is_waiting and is_delayed(nested(intent, "latest_charge"))


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
