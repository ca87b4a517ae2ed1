"""Finding what was made at Stripe for a payment, when its name there is not known."""

from typing import Any, Final

from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.errors import Refused
from adapters.gateways.stripe.objects import Json, about_us, outcome_of_charge
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from domain.outcome import Charged, Declined
from domain.payment import CHARGE_WINDOW, Payment

# How far the database's clock and Stripe's may be apart; far above what NTP leaves.
_CLOCKS_DIFFER: Final = 60


async def find_charge(api: StripeApi, payment: Payment) -> Charged | Declined | None:
    """What became of a payment, from the charges made for it; one that took money counts most."""
    outcomes = [outcome_of_charge(each) for each in await made_for(api, payment, "/v1/charges")]
    captured_amount = next((each for each in outcomes if isinstance(each, Charged)), None)
    return captured_amount or next(iter(outcomes), None)


async def made_for(api: StripeApi, payment: Payment, path: str, **params: Any) -> list[Json]:
    """What was made for a payment: from the whole list of those made when it may have been sent.

    A list shows at once what was written, so that its absence is evidence; search does not
    (https://docs.stripe.com/search#data-freshness). Search is asked besides, for a request that
    landed after that time: its absence proves nothing, but its presence does.
    """
    sent = int(payment.created_at.timestamp())
    window = {
        "gte": sent - _CLOCKS_DIFFER,
        "lte": sent + int(CHARGE_WINDOW.total_seconds()) + _CLOCKS_DIFFER,
    }
    listed = [
        each
        async for each in api.list(path, created=window, **params)
        if about_us(each, "payment_id") == payment.id
    ]
    return listed or await _searched(api, payment, path, **params)


async def _searched(api: StripeApi, payment: Payment, path: str, **params: Any) -> list[Json]:
    query = f'metadata["payment_id"]:"{payment.id}"'
    try:
        page = await api.get(f"{path}/search", query=query, **params)
    except (Refused, GatewayUnavailable, OutcomeUnknown):
        return []  # the list has answered; not every account may search
    found = page.get("data")
    found = found if isinstance(found, list) else []
    return [
        each
        for each in found
        if isinstance(each, dict) and about_us(each, "payment_id") == payment.id
    ]
