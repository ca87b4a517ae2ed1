"""Search for the objects of a payment at Stripe whose identifiers are not known."""

from typing import Any, Final

from adapters.gateways.calls import together
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.labels import label
from adapters.gateways.stripe.objects import Json, outcome_of_charge
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.check_times import CHARGE_WINDOW
from domain.outcome import Authorized, Charged, Declined, Pending
from domain.payment import Payment

# The largest difference in seconds between the database's clock and Stripe's; much more than
# between two clocks that use NTP.
_MAX_CLOCK_DIFFERENCE: Final = 60


async def find_charge(
    api: StripeApi, payment: Payment
) -> Authorized | Charged | Declined | Pending | None:
    """Return the outcome of a payment from its charges, as `charge_outcome` does."""
    return charge_outcome(await find_objects(api, payment, "/v1/charges"))


def charge_outcome(charges: list[Json]) -> Authorized | Charged | Declined | Pending | None:
    """Return the outcome of the captured charge, else of the authorized, pending or newest one."""
    outcomes = [outcome_of_charge(each) for each in charges]
    for preferred in (Charged, Authorized, Pending):
        for outcome in outcomes:
            if isinstance(outcome, preferred):
                return outcome
    return next(iter(outcomes), None)


async def find_objects(api: StripeApi, payment: Payment, path: str, **params: Any) -> list[Json]:
    """Return the objects labelled with a payment: listed, or else found by search.

    Search is used in addition, for a request that was executed later: that it finds nothing proves
    nothing.
    """
    listed, found = await together(
        list_objects(api, payment, path, **params), search_objects(api, payment, path, **params)
    )
    return listed or found


async def list_objects(api: StripeApi, payment: Payment, path: str, **params: Any) -> list[Json]:
    """Return the objects labelled with a payment, from the time when it may have been sent.

    The list API sees every write at once, so an object that it does not return was not created in
    this time; the search API is updated with a delay
    (https://docs.stripe.com/search#data-freshness).
    """
    sent = int(payment.created_at.timestamp())
    window = {
        "gte": sent - _MAX_CLOCK_DIFFERENCE,
        "lte": sent + int(CHARGE_WINDOW.total_seconds()) + _MAX_CLOCK_DIFFERENCE,
    }
    return [
        each
        async for each in api.list(path, created=window, **params)
        if label(each, "payment_id") == payment.id
    ]


async def search_objects(api: StripeApi, payment: Payment, path: str, **params: Any) -> list[Json]:
    """Return the objects labelled with a payment that search finds."""
    query = f'metadata["payment_id"]:"{payment.id}"'
    try:
        page = await api.get(f"{path}/search", query=query, **params)
    except (RequestRefused, GatewayUnavailable, OutcomeUnknown):
        return []  # the list is sufficient, and not every account may use search
    found = page.get("data")
    found = found if isinstance(found, list) else []
    return [
        each for each in found if isinstance(each, dict) and label(each, "payment_id") == payment.id
    ]
