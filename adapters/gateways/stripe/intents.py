"""Translation of payment intents; https://docs.stripe.com/api/payment_intents/object."""

from adapters.gateways.stripe.actions import required_by
from adapters.gateways.stripe.objects import (
    Json,
    Unreadable,
    amount,
    authorized_until,
    is_delayed,
    livemode,
    nested,
    outcome_of_charge,
    text,
)
from adapters.gateways.stripe.refusals import Error, code_of, outcome_of_error
from adapters.gateways.stripe.statuses import Progress, intent_progress
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.outcome import Authorized, Charged, Declined, Outcome, Pending, Refused


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


def authorized_by(intent: Json) -> Authorized:
    """Return what an intent with the status `requires_capture` holds; its charge is expanded.

    Raises:
        OutcomeUnknown: it cannot be read.
    """
    charge = nested(intent, "latest_charge")
    return Authorized(
        charge_id=ChargeId(text(charge, "id")),
        amount=amount(intent, "amount_capturable"),
        livemode=livemode(intent),
        until=authorized_until(charge),
        reference=text(intent, "id"),
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
            return required_by(intent)
        case Progress.AUTHORIZED:
            return authorized_by(intent)
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
