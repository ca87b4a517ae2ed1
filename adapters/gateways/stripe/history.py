"""The list of all charges in a time; https://docs.stripe.com/api/charges/list."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil, floor

from adapters.gateways.stripe.client import StripeApi, querying
from adapters.gateways.stripe.events import event_about
from adapters.gateways.stripe.labels import claimed_payment
from adapters.gateways.stripe.notifications import read_event
from adapters.gateways.stripe.objects import (
    Json,
    created,
    is_delayed,
    nested,
    outcome_of_charge,
    refunded_of,
)
from adapters.gateways.stripe.statuses import Progress, intent_progress
from adapters.gateways.stripe.wire import API_VERSION
from application.ports.gateway_history import (
    MAX_LISTED,
    ListedCharge,
    TooManyCharges,
    UnreadableCharge,
)
from application.ports.gateway_notifications import UnrelatedNotification
from application.ports.payment_gateway import OutcomeUnknown
from domain.outcome import Declined


async def list_charges(
    api: StripeApi, since: datetime, until: datetime, expand: Sequence[str] = ()
) -> Sequence[ListedCharge | UnreadableCharge]:
    """Return what Stripe charged in this time, of either API; see the port's ListCharges.

    Stripe's times are whole seconds, so some more of the time is listed. What an intent has
    authorized is listed only if its charge contains it, by `expand`: the charge itself does not
    show that the authorization was released.
    """
    window = {"gte": floor(since.timestamp()), "lt": ceil(until.timestamp())}
    found: list[Json] = []
    async with querying():
        async for charge in api.list("/v1/charges", created=window, expand=list(expand)):
            found.append(charge)
            if len(found) > MAX_LISTED:
                raise TooManyCharges(f"Stripe lists more than {MAX_LISTED} charges")
    # Stripe lists the newest one first.
    return [listed for listed in map(listed_charge, reversed(found)) if listed is not None]


def listed_charge(charge: Json) -> ListedCharge | UnreadableCharge | None:
    """Return a charge with our labels that is captured or authorized, or whose money comes later.

    A card's charge that has not ended is not listed: a webhook or recovery reports it.
    """
    intent = nested(charge, "payment_intent")
    if intent:
        charge = {**charge, "payment_intent": intent.get("id")}
    status, is_uncaptured = charge.get("status"), charge.get("captured") is False
    if status == "succeeded" and is_uncaptured:
        is_listed = charge.get("payment_intent") is None or _is_authorized(intent)
    else:
        is_captured = status == "succeeded" and charge.get("captured") is True
        is_listed = is_captured or (status == "pending" and is_delayed(charge))
    if not is_listed:
        return None
    payment = claimed_payment(charge)
    if payment is None:
        return _unreadable(charge)
    try:
        outcome = outcome_of_charge(charge)
        refunded = refunded_of(charge, API_VERSION)
    except OutcomeUnknown:
        return _unreadable(charge)
    return None if isinstance(outcome, Declined) else ListedCharge(payment, outcome, refunded)


def _is_authorized(intent: Json) -> bool:
    status = intent.get("status")
    return isinstance(status, str) and intent_progress(status) is Progress.AUTHORIZED


def _unreadable(charge: Json) -> UnreadableCharge | None:
    """Return a charge as a webhook about it would be read; None if it is not ours."""
    body = event_about(charge)
    notification = read_event(body)
    is_unrelated = isinstance(notification, UnrelatedNotification)
    return None if is_unrelated else UnreadableCharge(notification, body, created(charge))
