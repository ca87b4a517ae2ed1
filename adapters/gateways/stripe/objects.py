"""Translation of Stripe's objects: charges, payment intents and refunds."""

from collections.abc import Mapping
from typing import Any

from adapters.gateways.stripe.amounts import from_stripe
from adapters.gateways.stripe.refusals import Error, code_of, outcome_of_error
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Charged, Declined, Refused, RequiresAction
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending

Json = Mapping[str, Any]


class Unreadable(OutcomeUnknown):
    """Stripe's object is not as documented."""


def text(obj: Json, name: str) -> str:
    """Return a required text field.

    Raises:
        Unreadable: it is missing, empty or not text.
    """
    value = obj.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"Stripe's object has no {name}")
    return value


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


def outcome_of_charge(charge: Json) -> Charged | Declined:
    """Return the outcome of a charge, with the amount, currency and mode that Stripe reports.

    Raises:
        OutcomeUnknown: it is pending, only authorized, or cannot be read.
    """
    match text(charge, "status"):
        case "succeeded" if charge.get("captured") is True:
            intent = charge.get("payment_intent")
            return Charged(
                charge_id=ChargeId(text(charge, "id")),
                amount=amount(charge, "amount_captured"),
                livemode=livemode(charge),
                reference=intent if isinstance(intent, str) else None,
            )
        case "failed":
            # The bank's own reason, if there is one, as in the error of the declined request.
            outcome = nested(charge, "outcome")
            by_bank = outcome.get("type") == "issuer_declined"
            reason = outcome.get("reason") if by_bank else None
            return Declined(code_of({"decline_code": reason, "code": charge.get("failure_code")}))
        case _:
            raise OutcomeUnknown("Stripe has not finished the charge")


# --- payment intents: https://docs.stripe.com/api/payment_intents/object ---


def charged_by(intent: Json) -> Charged:
    """Return the outcome of an intent that succeeded and has its charge expanded.

    Raises:
        OutcomeUnknown: it cannot be read.
    """
    outcome = outcome_of_charge(nested(intent, "latest_charge"))
    if isinstance(outcome, Declined):
        raise Unreadable("Stripe's intent succeeded, but its charge failed")
    return Charged(outcome.charge_id, outcome.amount, outcome.livemode, text(intent, "id"))


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
        client_secret=text(intent, "client_secret"),
        next_action=text(action, "type"),
        redirect_url=url if isinstance(url, str) else None,
    )


# --- refunds: https://docs.stripe.com/api/refunds/object ---


def outcome_of_refund(refund: Json) -> RefundOutcome:
    """Return the outcome of a refund.

    Raises:
        Unreadable: it cannot be read.
    """
    reference = text(refund, "id")
    match text(refund, "status"):
        case "succeeded":
            return Refunded(reference, amount(refund, "amount"))
        case "pending" | "requires_action":
            return RefundPending(reference)
        case "failed" | "canceled" as status:
            return RefundFailed(
                code_of({"code": refund.get("failure_reason") or status}), reference
            )
        case _:
            raise Unreadable("Stripe's refund has an unknown status")
