"""Stripe's endpoints: method and path -> parameters and what they do; https://docs.stripe.com/api."""

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from . import charges, intents, listing, methods, params, refunds
from .errors import Json, StripeFailure
from .ledger import Ledger
from .params import Shape

Params = dict[str, Any]
Run = Callable[[Ledger, Params, str], Json]


@frozen
class Route:
    """One endpoint."""

    method: str
    template: str
    pattern: re.Pattern[str]
    shape: Shape
    run: Run


def match(method: str, path: str) -> tuple[Route, str]:
    """The route of a request and the id in its path."""
    for route in ROUTES:
        if route.method == method and (found := route.pattern.fullmatch(path)) is not None:
            return route, "".join(found.groups())
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or "
    message += "we can help at https://support.stripe.com/."
    raise StripeFailure(404, "invalid_request_error", message, stored=False)


def _route(method: str, template: str, shape: Shape, run: Run) -> Route:
    pattern = re.compile(template.replace("{id}", "([^/]+)"))
    return Route(method, template, pattern, shape, run)


def _reading(prefix: str, param: str) -> Run:
    return lambda ledger, _, object_id: ledger.shown(
        ledger.get(prefix, object_id, param, status=404)
    )


def _listing(prefix: str, url: str, *equal: str) -> Run:
    return lambda ledger, given, _: listing.listed(ledger, prefix, given, url, *equal)


def _searching(prefix: str, url: str) -> Run:
    def run(ledger: Ledger, given: Params, _: str) -> Json:
        return listing.searched(ledger, prefix, given, url, ledger.search_lag)

    return run


def _making(create: Callable[[Ledger, Params], Json]) -> Run:
    return lambda ledger, given, _: ledger.shown(create(ledger, given))


def _changing(change: Callable[[Ledger, str, Params], Json]) -> Run:
    return lambda ledger, given, object_id: ledger.shown(change(ledger, object_id, given))


def _read_method(ledger: Ledger, _: Params, object_id: str) -> Json:
    return methods.read(ledger, object_id)


def _balance(ledger: Ledger, _: Params, __: str) -> Json:
    """A cheap call that proves the key; https://docs.stripe.com/api/balance."""
    taken: dict[str, int] = {}
    for charge in ledger.charges.values():
        kept = charge["amount_captured"] - charge["amount_refunded"]
        taken[charge["currency"]] = taken.get(charge["currency"], 0) + kept
    taken = taken or {"usd": 0}
    pending = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in taken.items()
    ]
    none = [row | {"amount": 0, "source_types": {"card": 0}} for row in pending]
    return {"object": "balance", "available": none, "livemode": False, "pending": pending}


def _account(_: Ledger, __: Params, ___: str) -> Json:
    return {
        "id": "acct_1DoubleAccount0",
        "object": "account",
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "payouts_enabled": True,
        "type": "standard",
    }


_CHARGES, _INTENTS, _REFUNDS = "/v1/charges", "/v1/payment_intents", "/v1/refunds"
_METHODS = "/v1/payment_methods"
ROUTES = (
    _route("POST", _CHARGES, params.CREATE_CHARGE, _making(charges.create)),
    _route("GET", _CHARGES, params.LIST_CHARGES, _listing("ch", _CHARGES, "payment_intent")),
    _route("GET", f"{_CHARGES}/search", params.SEARCH, _searching("ch", f"{_CHARGES}/search")),
    _route("GET", f"{_CHARGES}/{{id}}", params.NOTHING, _reading("ch", "id")),
    _route("POST", f"{_CHARGES}/{{id}}", params.UPDATE, _changing(charges.update)),
    _route("POST", f"{_CHARGES}/{{id}}/capture", params.CAPTURE_CHARGE, _changing(charges.capture)),
    _route("POST", "/v1/tokens", params.CREATE_TOKEN, _making(methods.create_token)),
    _route("POST", _METHODS, params.CREATE_METHOD, _making(methods.create)),
    _route("GET", _METHODS, params.LIST_METHODS, _listing("pm", _METHODS)),
    _route("GET", f"{_METHODS}/{{id}}", params.NOTHING, _read_method),
    _route("POST", _INTENTS, params.CREATE_INTENT, _making(intents.create)),
    _route("GET", _INTENTS, params.LIST_INTENTS, _listing("pi", _INTENTS)),
    _route("GET", f"{_INTENTS}/search", params.SEARCH, _searching("pi", f"{_INTENTS}/search")),
    _route("GET", f"{_INTENTS}/{{id}}", params.READ_INTENT, _reading("pi", "intent")),
    _route("POST", f"{_INTENTS}/{{id}}", params.UPDATE, _changing(intents.update)),
    _route("POST", f"{_INTENTS}/{{id}}/confirm", params.CONFIRM_INTENT, _changing(intents.confirm)),
    _route("POST", f"{_INTENTS}/{{id}}/cancel", params.CANCEL_INTENT, _changing(intents.cancel)),
    _route("POST", f"{_INTENTS}/{{id}}/capture", params.CAPTURE_INTENT, _changing(intents.capture)),
    _route("POST", _REFUNDS, params.CREATE_REFUND, _making(refunds.create)),
    _route(
        "GET",
        _REFUNDS,
        params.LIST_REFUNDS,
        _listing("re", _REFUNDS, "charge", "payment_intent"),
    ),
    _route("GET", f"{_REFUNDS}/{{id}}", params.NOTHING, _reading("re", "refund")),
    _route("POST", f"{_REFUNDS}/{{id}}", params.UPDATE, _changing(refunds.update)),
    _route("GET", "/v1/disputes/{id}", params.NOTHING, _reading("dp", "dispute")),
    _route("GET", "/v1/events", params.LIST_EVENTS, _listing("evt", "/v1/events", "type")),
    _route("GET", "/v1/events/{id}", params.NOTHING, _reading("evt", "id")),
    _route("GET", "/v1/balance", params.NOTHING, _balance),
    _route("GET", "/v1/account", params.NOTHING, _account),
)
