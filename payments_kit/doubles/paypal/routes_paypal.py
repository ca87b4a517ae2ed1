"""PayPal's endpoints: the body and the function of each; https://developer.paypal.com/api/rest/."""

import re
from collections.abc import Callable

from attrs import frozen

from payments_kit.doubles.paypal import (
    authorizations,
    captures,
    disputes,
    orders,
    patches,
    refunds,
    reporting,
    shapes,
)
from payments_kit.doubles.paypal.checks import Check
from payments_kit.doubles.paypal.errors import by_status
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.replies import Request, Result

Run = Callable[[Ledger, Request], Result]


@frozen
class Route:
    """One endpoint; `shape` checks its JSON body, if it may have one."""

    method: str
    template: str
    pattern: re.Pattern[str]
    run: Run
    shape: Check | None = None
    has_key: bool = False
    """Whether it accepts a PayPal-Request-Id."""


def match(method: str, path: str) -> tuple[Route, str]:
    """Return the route of a request, and the id in its path."""
    for route in ROUTES:
        if route.method == method and (found := route.pattern.fullmatch(path)) is not None:
            return route, "".join(found.groups())
    raise by_status(404)


def _route(
    method: str, template: str, run: Run, shape: Check | None = None, *, key: bool = False
) -> Route:
    pattern = re.compile(template.replace("{id}", "([A-Za-z0-9-]{1,255})"))
    return Route(method, template, pattern, run, shape, key)


_ORDER = "/v2/checkout/orders/{id}"
_AUTHORIZATION = "/v2/payments/authorizations/{id}"
_CAPTURE = "/v2/payments/captures/{id}"
ROUTES = (
    _route("POST", "/v2/checkout/orders", orders.create, shapes.CREATE_ORDER, key=True),
    _route("GET", _ORDER, orders.read),
    _route("PATCH", _ORDER, patches.patch, shapes.PATCH_ORDER),
    _route("POST", f"{_ORDER}/capture", captures.capture_order, shapes.COMPLETE_ORDER, key=True),
    _route(
        "POST",
        f"{_ORDER}/authorize",
        authorizations.authorize_order,
        shapes.COMPLETE_ORDER,
        key=True,
    ),
    _route("GET", _AUTHORIZATION, authorizations.read),
    _route(
        "POST",
        f"{_AUTHORIZATION}/capture",
        authorizations.capture,
        shapes.CAPTURE_AUTHORIZATION,
        key=True,
    ),
    _route("POST", f"{_AUTHORIZATION}/void", authorizations.void),
    _route(
        "POST",
        f"{_AUTHORIZATION}/reauthorize",
        authorizations.reauthorize,
        shapes.REAUTHORIZE,
        key=True,
    ),
    _route("GET", _CAPTURE, captures.read),
    _route("POST", f"{_CAPTURE}/refund", refunds.create, shapes.REFUND, key=True),
    _route("GET", "/v2/payments/refunds/{id}", refunds.read),
    _route("GET", "/v1/reporting/transactions", reporting.search),
    _route("GET", "/v1/reporting/balances", reporting.balances),
    _route("GET", "/v1/customer/disputes", disputes.listed),
    _route("GET", "/v1/customer/disputes/{id}", disputes.read),
)
