"""Stripe's objects in our words: what a charge, a payment intent and a refund say of themselves."""

from collections.abc import Mapping
from typing import Any

from adapters.gateways.stripe.amounts import from_stripe
from adapters.gateways.stripe.errors import code_of
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Charged, Declined, RequiresAction
from domain.payment import Payment
from domain.refund import Refunded, RefundFailed, RefundOutcome, RefundPending

Json = Mapping[str, Any]


class Unreadable(OutcomeUnknown):
    """An object of Stripe's is not as documented, so we do not know what it says."""


def text(it: Json, name: str) -> str:
    """A field that must be there, as text.

    Raises:
        Unreadable: it is not.
    """
    value = it.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"Stripe's object has no {name}")
    return value


def part(it: Json, name: str) -> Json:
    """An object inside of another; empty if there is none."""
    value = it.get(name)
    return value if isinstance(value, dict) else {}


def labels(payment: Payment) -> dict[str, str]:
    """What we write into the metadata of everything made for a payment.

    Of an intent it is copied to its charge, once, when it is confirmed
    (https://support.stripe.com/questions/how-metadata-works-with-related-objects), so notices of
    either name the payment. The order's id is for people; Stripe takes 500 characters a value
    (https://docs.stripe.com/metadata).
    """
    return {"payment_id": payment.id, "order_id": payment.order_id[:500]}


def about_us(it: Json, name: str) -> str | None:
    """What we wrote into an object's metadata."""
    value = part(it, "metadata").get(name)
    return value if isinstance(value, str) and value else None


def amount(it: Json, name: str) -> Money:
    """An amount in the object's currency.

    Raises:
        Unreadable: it is none that we could express.
    """
    value = it.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(f"Stripe's object has no {name}")
    try:
        return from_stripe(value, text(it, "currency"))
    except ValueError as error:
        raise Unreadable(f"Stripe's {name}: {error}") from None


def livemode(it: Json) -> bool:
    """Whether real money was moved.

    Raises:
        Unreadable: the object does not say.
    """
    value = it.get("livemode")
    if not isinstance(value, bool):
        raise Unreadable("Stripe's object has no livemode")
    return value


# --- charges: https://docs.stripe.com/api/charges/object --------------------------------------------


def outcome_of_charge(charge: Json) -> Charged | Declined:
    """What a charge says came of it; amount, currency and live mode are its own, not our request's.

    Raises:
        OutcomeUnknown: it is pending, or authorised only; or cannot be read.
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
            # The bank's own reason, where it gave one, as the error that declined it would have.
            outcome = part(charge, "outcome")
            by_bank = outcome.get("type") == "issuer_declined"
            reason = outcome.get("reason") if by_bank else None
            return Declined(code_of({"decline_code": reason, "code": charge.get("failure_code")}))
        case _:
            raise OutcomeUnknown("Stripe has not finished the charge")


# --- payment intents: https://docs.stripe.com/api/payment_intents/object ----------------------------


def charged_by(intent: Json) -> Charged:
    """What an intent that succeeded, with its charge expanded, has taken.

    Raises:
        OutcomeUnknown: it cannot be read.
    """
    outcome = outcome_of_charge(part(intent, "latest_charge"))
    if isinstance(outcome, Declined):
        raise Unreadable("Stripe's intent succeeded, but its charge failed")
    return Charged(outcome.charge_id, outcome.amount, outcome.livemode, text(intent, "id"))


def declined_by(intent: Json) -> Declined:
    """Why a canceled intent came to nothing: the last error, the reason given, or just that."""
    reference = text(intent, "id")
    error = part(intent, "last_payment_error")
    if error:
        return Declined(code_of(error), reference)
    return Declined(code_of({"code": intent.get("cancellation_reason") or "canceled"}), reference)


def action_for(intent: Json) -> RequiresAction:
    """What the customer has to do; https://docs.stripe.com/payments/3d-secure.

    Raises:
        Unreadable: it does not say.
    """
    action = part(intent, "next_action")
    url = part(action, "redirect_to_url").get("url")
    return RequiresAction(
        reference=text(intent, "id"),
        client_secret=text(intent, "client_secret"),
        next_action=text(action, "type"),
        redirect_url=url if isinstance(url, str) else None,
    )


# --- refunds: https://docs.stripe.com/api/refunds/object --------------------------------------------


def outcome_of_refund(refund: Json) -> RefundOutcome:
    """What a refund says came of it.

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
            raise Unreadable("Stripe's refund is in a state we do not know")
