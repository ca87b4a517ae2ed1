"""OptionsRoute: how a customer may pay for an order."""

from collections.abc import Mapping

from attrs import frozen
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import UNSET

from application.use_cases.list_options import ListOptions, PaymentOptions
from domain.explanation import time_text
from entrypoints.http import openapi, openapi_errors
from entrypoints.http import openapi_operations as operations
from entrypoints.http.auth import Authenticator
from entrypoints.http.direct_routes import DIRECT
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.replies import Reply, json_reply, payment_body
from entrypoints.http.reply_bodies import GatewayBody, OptionsBody
from entrypoints.http.requests import order_id_in_query
from entrypoints.http.responses import to_response


@frozen
class OptionsRoute:
    """`GET /api/payments/options`."""

    list_options: ListOptions
    public_keys: Mapping[str, str]
    """By gateway: its key for browsers."""
    authenticator: Authenticator

    async def show(self, request: HttpRequest) -> Response[bytes]:
        """Return what is due for one of the user's orders, and the gateways it may be paid at."""
        user = await self.authenticator.authenticate(request)
        options = await self.list_options(order_id_in_query(request), user.id)
        return to_response(self._reply(options))

    def _reply(self, options: PaymentOptions) -> Reply:
        expires_at, payment = options.expires_at, options.payment
        body = OptionsBody(
            order_id=options.order_id,
            amount=options.due.minor_units,
            currency=options.due.currency.code,
            expires_at=None if expires_at is None else time_text(expires_at),
            payment=UNSET if payment is None else payment_body(payment),
            gateways=[
                GatewayBody(
                    gateway=each.name,
                    public_key=self.public_keys.get(each.name, UNSET),
                    degraded=True if each.is_away else UNSET,
                )
                for each in options.gateways
            ],
        )
        return json_reply(200, body)


def options_route(options: OptionsRoute) -> HTTPRouteHandler:
    """Return the route."""
    return get(
        "/api/payments/options",
        opt=DIRECT,
        operation_id="listOptions",
        operation_class=operations.ListPayments,
        security=openapi.USER_SECURITY,
        responses=openapi.OPTIONS
        | openapi_errors.problems(400, 401, 404, 409, 503, errors=openapi_errors.OPTIONS_ERRORS),
    )(options.show)
