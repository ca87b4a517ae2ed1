"""The list of all charges in a time; https://docs.stripe.com/api/charges/list."""

import logging
from collections.abc import Sequence
from datetime import datetime
from math import ceil, floor

from adapters.gateways.stripe.client import StripeApi, querying
from adapters.gateways.stripe.labels import claimed_payment
from adapters.gateways.stripe.objects import Json, amount, is_delayed, outcome_of_charge
from application.ports.gateway_history import MAX_LISTED, ListedCharge, TooManyCharges
from application.ports.payment_gateway import OutcomeUnknown
from domain.outcome import Declined

logger = logging.getLogger(__name__)


async def list_charges(api: StripeApi, since: datetime, until: datetime) -> Sequence[ListedCharge]:
    """Return what Stripe charged in this time, of either API; see the port's ListCharges.

    Stripe's times are whole seconds, so some more of the time is listed.
    """
    window = {"gte": floor(since.timestamp()), "lt": ceil(until.timestamp())}
    found: list[Json] = []
    async with querying():
        async for charge in api.list("/v1/charges", created=window):
            found.append(charge)
            if len(found) > MAX_LISTED:
                raise TooManyCharges(f"Stripe lists more than {MAX_LISTED} charges")
    return [listed for listed in map(_listed, found) if listed is not None]


def _listed(charge: Json) -> ListedCharge | None:
    """Return a charge with our labels that is captured, or whose money comes later.

    One that cannot be read must not hide the others. A card's charge that has not ended is not
    listed: a webhook or recovery reports it.
    """
    payment, status = claimed_payment(charge), charge.get("status")
    is_captured = status == "succeeded" and charge.get("captured") is True
    if payment is None or not (is_captured or (status == "pending" and is_delayed(charge))):
        return None
    try:
        outcome = outcome_of_charge(charge)
        refunded = amount(charge, "amount_refunded")
    except OutcomeUnknown as unreadable:
        logger.warning("a charge of payment %s cannot be read: %s", payment.id, unreadable)
        return None
    return None if isinstance(outcome, Declined) else ListedCharge(payment, outcome, refunded)
