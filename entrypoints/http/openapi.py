"""The OpenAPI document beyond the routes: replies, problems, security, examples."""

from http import HTTPStatus
from typing import Any, Final

from litestar import Response, Router
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import (
    Components,
    Example,
    SecurityScheme,
)

from entrypoints.http.errors import NotFound, reply_to
from entrypoints.http.openapi_document import DocumentPlugin
from entrypoints.http.operator_bodies import DeadLetterBody, DeadLetterPage, PaymentPage
from entrypoints.http.reply_bodies import (
    OptionsBody,
    PaymentBody,
    ReadyBody,
    RefundBody,
    SessionBody,
)
from entrypoints.http.responses import to_response
from entrypoints.order_document import OrderBody

USER_SECURITY: Final[list[dict[str, list[str]]]] = [
    {"session": []},
    {"oldSession": []},
    {"bearer": []},
]
OPERATOR_SECURITY: Final[list[dict[str, list[str]]]] = [{"operator": []}]
NO_SECURITY: Final[list[dict[str, list[str]]]] = [{}]

_UNCHARGED: Final = {
    "id": "0b5c9f6e8f6d4b6f9a3de1b7c2a40f11",
    "orderId": "5f9b2c1d",
    "status": "succeeded",
    "amount": 1999,
    "currency": "usd",
    "createdAt": "2026-11-22T12:00:00.000Z",
    "gateway": "stripe",
}
_PAYMENT: Final = {**_UNCHARGED, "stripeId": "ch_3PqR", "chargeId": "ch_3PqR"}
_REFUND: Final = {
    "id": "9d1c2b7a5e0f4c3f8b6a1d2e3f405162",
    "paymentId": _PAYMENT["id"],
    "orderId": "5f9b2c1d",
    "amount": 500,
    "currency": "usd",
    "status": "succeeded",
    "reason": "requested",
}


def _spec(container: Any, description: str, **example: Any) -> ResponseSpec:
    return ResponseSpec(
        container,
        generate_examples=False,
        description=description,
        examples=[Example(summary=description, value=example)] if example else None,
    )


_REQUIRES_ACTION: Final = {
    **_UNCHARGED,
    "status": "requires_action",
    "clientSecret": "pi_3PqR_secret_…",
    "nextAction": {"type": "use_stripe_sdk"},
}

_AUTHORIZED: Final = {
    **_PAYMENT,
    "status": "authorized",
    "authorizedUntil": "2026-11-29T12:00:00.000Z",
}

PAYMENT_CREATED: Final = {
    201: _spec(PaymentBody, "Paid, or authorized", **_PAYMENT),
    202: _spec(
        PaymentBody,
        "The bank requires authentication, the money comes later, or the outcome is unknown",
        **_REQUIRES_ACTION,
    ),
}
SESSION_CREATED: Final = {
    201: _spec(
        SessionBody,
        "Send the customer to `approveUrl`; then pay with the token",
        gateway="paypal",
        token="5O190127TN364715T",  # noqa: S106 - an example
        approveUrl="https://www.paypal.com/checkoutnow?token=5O190127TN364715T",
        amount=1000,
        currency="usd",
    )
}
OPTIONS: Final = {
    200: _spec(
        OptionsBody,
        "How the order may be paid, the best gateway first",
        orderId="5f9b2c1d",
        amount=1999,
        currency="usd",
        expiresAt="2026-11-22T12:15:00.000Z",
        gateways=[
            {"gateway": "stripe", "publicKey": "pk_live_…"},
            {"gateway": "paypal", "degraded": True},
        ],
    )
}
PAYMENT: Final = {200: _spec(PaymentBody, "The payment", **_PAYMENT, refundedAmount=0)}
PAYMENT_CANCELLED: Final = {
    200: _spec(
        PaymentBody,
        "Cancelled; the order can be paid again",
        **_UNCHARGED | {"status": "cancelled", "code": "cancelled_by_customer"},
    )
}
PAYMENT_CAPTURED: Final = {
    200: _spec(PaymentBody, "Captured; the rest is released", **_PAYMENT, capturedAmount=500),
    202: _spec(PaymentBody, "The outcome is unknown; recovery finds it", **_AUTHORIZED),
}
PAYMENT_VOIDED: Final = {
    200: _spec(PaymentBody, "Released", **_PAYMENT | {"status": "cancelled", "code": "voided"}),
    202: _spec(PaymentBody, "Being released", **_AUTHORIZED, code="voided"),
}
ORDER: Final = {200: _spec(OrderBody, "The order with everything that belongs to it")}
_ITEM: Final = {**_PAYMENT, "userId": "u1"}
_ITEM.pop("stripeId")
PAYMENT_PAGE: Final = {200: _spec(PaymentPage, "A page", items=[_ITEM], next="WyIy…")}
_LETTER: Final = {
    "id": 7,
    "subject": "order:created",
    "reason": "no field `ticket`",
    "at": "2026-11-22T12:00:00.000Z",
    "bytes": "e30=",
}
DEAD_LETTER: Final = {200: _spec(DeadLetterBody, "It is delivered again", **_LETTER)}
DEAD_LETTERS: Final = {200: _spec(DeadLetterPage, "A page", items=[_LETTER], next="7")}
PAYMENT_REVIEWED: Final = {
    200: _spec(PaymentBody, "Kept, or being given back", **_PAYMENT, code="amount_mismatch")
}
PAYMENT_LIST: Final = {
    200: ResponseSpec(
        list[PaymentBody],
        generate_examples=False,
        description="The payments",
        examples=[Example(summary="One payment", value=[_PAYMENT])],
    )
}
REFUND_CREATED: Final = {201: _spec(RefundBody, "Refunded, or in progress", **_REFUND)}
NOTIFICATION_RECEIVED: Final = {200: _spec(dict[str, bool], "Received", received=True)}
LIVE: Final = {200: _spec(dict[str, str], "Live", status="live")}
READY: Final = {200: _spec(ReadyBody, "Ready", status="ready", checks={"database": "ok"})}


def _not_found_as_problem(response: Response[Any]) -> Response[Any]:
    """Replace Litestar's HTML page for an unknown path below /schema."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        return to_response(reply_to(NotFound()))
    return response


def config(version: str) -> OpenAPIConfig:
    """Return the configuration of /schema: JSON only, as Litestar's pages load external scripts."""
    cookie = 'cookie-session\'s base64 of {"jwt": …}, unsigned'
    return OpenAPIConfig(
        title="payments",
        version=version,
        description="Charges every order of a shop once and only once.",
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            after_request=_not_found_as_problem,
            include_in_schema=False,
        ),
        render_plugins=[DocumentPlugin(path=["/", "/openapi.json"])],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "session": SecurityScheme(
                    type="apiKey", security_scheme_in="cookie", name="session", description=cookie
                ),
                "oldSession": SecurityScheme(
                    type="apiKey",
                    security_scheme_in="cookie",
                    name="express:sess",
                    description=cookie,
                ),
                "bearer": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="{id, email, iat}",
                ),
                "operator": SecurityScheme(
                    type="http", scheme="bearer", description="The operator's key"
                ),
            }
        ),
    )
