"""Stripe's endpoints: the parameters and the function of each; https://docs.stripe.com/api."""

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from payments_kit.doubles.stripe import (
    balance,
    captures,
    charges,
    confirmations,
    intents,
    listing,
    methods,
    params,
    payouts,
    refunds,
)
from payments_kit.doubles.stripe.errors import Json, StripeFailure
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.params import Shape

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
    """Return the route of a request, and the id in its path."""
    for route in ROUTES:
        if route.method == method and (found := route.pattern.fullmatch(path)) is not None:
            return route, "".join(found.groups())
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or "
    message += "we can help at https://support.stripe.com/."
    raise StripeFailure(404, "invalid_request_error", message, stored=False)


def _route(method: str, template: str, shape: Shape, run: Run) -> Route:
    pattern = re.compile(template.replace("{id}", "([^/]+)"))
    return Route(method, template, pattern, shape, run)


def _read(prefix: str, param: str) -> Run:
    return lambda ledger, _, object_id: ledger.shown(
        ledger.get(prefix, object_id, param, status=404)
    )


def _list(prefix: str, url: str, *equal: str) -> Run:
    return lambda ledger, params, _: listing.listed(ledger, prefix, params, url, *equal)


def _search(prefix: str, url: str) -> Run:
    def run(ledger: Ledger, params: Params, _: str) -> Json:
        return listing.searched(ledger, prefix, params, url, ledger.search_lag)

    return run


def _create(create: Callable[[Ledger, Params], Json]) -> Run:
    return lambda ledger, params, _: ledger.shown(create(ledger, params))


def _change(change: Callable[[Ledger, str, Params], Json]) -> Run:
    return lambda ledger, params, object_id: ledger.shown(change(ledger, object_id, params))


def _read_method(ledger: Ledger, _: Params, object_id: str) -> Json:
    return methods.read(ledger, object_id)


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
_BALANCE, _PAYOUTS = "/v1/balance_transactions", "/v1/payouts"
ROUTES = (
    _route("POST", _CHARGES, params.CREATE_CHARGE, _create(charges.create)),
    _route("GET", _CHARGES, params.LIST_CHARGES, _list("ch", _CHARGES, "payment_intent")),
    _route("GET", f"{_CHARGES}/search", params.SEARCH, _search("ch", f"{_CHARGES}/search")),
    _route("GET", f"{_CHARGES}/{{id}}", params.NOTHING, _read("ch", "id")),
    _route("POST", f"{_CHARGES}/{{id}}", params.UPDATE, _change(charges.update)),
    _route(
        "POST",
        f"{_CHARGES}/{{id}}/capture",
        params.CAPTURE_CHARGE,
        _change(captures.capture_directly),
    ),
    _route("POST", "/v1/tokens", params.CREATE_TOKEN, _create(methods.create_token)),
    _route(
        "POST",
        "/v1/test_helpers/confirmation_tokens",
        params.CREATE_CONFIRMATION,
        _create(confirmations.create),
    ),
    _route("GET", "/v1/confirmation_tokens/{id}", params.NOTHING, _read("ctoken", "id")),
    _route("POST", _METHODS, params.CREATE_METHOD, _create(methods.create)),
    _route("GET", _METHODS, params.LIST_METHODS, _list("pm", _METHODS)),
    _route("GET", f"{_METHODS}/{{id}}", params.NOTHING, _read_method),
    _route("POST", _INTENTS, params.CREATE_INTENT, _create(intents.create)),
    _route("GET", _INTENTS, params.LIST_INTENTS, _list("pi", _INTENTS)),
    _route("GET", f"{_INTENTS}/search", params.SEARCH, _search("pi", f"{_INTENTS}/search")),
    _route("GET", f"{_INTENTS}/{{id}}", params.READ_INTENT, _read("pi", "intent")),
    _route("POST", f"{_INTENTS}/{{id}}", params.UPDATE, _change(intents.update)),
    _route("POST", f"{_INTENTS}/{{id}}/confirm", params.CONFIRM_INTENT, _change(intents.confirm)),
    _route("POST", f"{_INTENTS}/{{id}}/cancel", params.CANCEL_INTENT, _change(intents.cancel)),
    _route("POST", f"{_INTENTS}/{{id}}/capture", params.CAPTURE_INTENT, _change(intents.capture)),
    _route("POST", _REFUNDS, params.CREATE_REFUND, _create(refunds.create)),
    _route(
        "GET",
        _REFUNDS,
        params.LIST_REFUNDS,
        _list("re", _REFUNDS, "charge", "payment_intent"),
    ),
    _route("GET", f"{_REFUNDS}/{{id}}", params.NOTHING, _read("re", "refund")),
    _route("POST", f"{_REFUNDS}/{{id}}", params.UPDATE, _change(refunds.update)),
    _route(
        "GET",
        "/v1/disputes",
        params.LIST_DISPUTES,
        _list("dp", "/v1/disputes", "charge", "payment_intent"),
    ),
    _route("GET", "/v1/disputes/{id}", params.NOTHING, _read("dp", "dispute")),
    _route("GET", "/v1/events", params.LIST_EVENTS, _list("evt", "/v1/events", "type")),
    _route("GET", "/v1/events/{id}", params.NOTHING, _read("evt", "id")),
    _route("GET", "/v1/balance", params.NOTHING, balance.balance),
    _route("GET", _BALANCE, params.LIST_BALANCE, balance.list_transactions),
    _route("GET", f"{_BALANCE}/{{id}}", params.NOTHING, _read("txn", "id")),
    _route("GET", _PAYOUTS, params.LIST_PAYOUTS, payouts.list_payouts),
    _route("GET", f"{_PAYOUTS}/{{id}}", params.NOTHING, _read("po", "payout")),
    _route("GET", "/v1/account", params.NOTHING, _account),
)
