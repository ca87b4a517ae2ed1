"""`/api/payments`: users pay for orders and read their own payments."""

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.use_cases.read_payments import ReadPayments
from domain.identifiers import PaymentId
from entrypoints.http.auth import Authenticator
from entrypoints.http.cancellation import CancellationHandler
from entrypoints.http.client_address import decline_sources
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import PaymentHandler
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.reading import ReadingHandler
from entrypoints.http.replies import json_reply, payment_body
from entrypoints.http.request_bodies import PaymentRules, parse_no_fields, parse_payment
from entrypoints.http.requests import (
    idempotency_key,
    order_id_in_query,
    read_json,
    read_optional_json,
)
from entrypoints.http.responses import to_response
from entrypoints.http.validation import is_payment_id


@frozen
class PaymentRoutes:
    """The routes for users."""

    handler: PaymentHandler
    cancellations: CancellationHandler
    reading: ReadingHandler
    read_payments: ReadPayments
    authenticator: Authenticator
    trusted_proxies: int
    rules: PaymentRules

    async def create(self, request: HttpRequest) -> Response[bytes]:
        """Pay for an order. It is charged at most once, however often the request is repeated."""
        user = await self.authenticator.authenticate(request)
        key = idempotency_key(request)
        sources = decline_sources(request, user.id, self.trusted_proxies)
        command = parse_payment(await read_json(request), user.id, sources, self.rules)
        return to_response(await self.handler.pay(command, key))

    async def cancel(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Cancel one of the user's payments that waits for the user; its order is free then."""
        user = await self.authenticator.authenticate(request)
        if not is_payment_id(payment_id):
            raise NotFound
        parse_no_fields(await read_optional_json(request))
        return to_response(await self.cancellations.cancel(PaymentId(payment_id), user.id))

    async def show(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Return one of the user's payments; while it waits for them, with what they must do."""
        user = await self.authenticator.authenticate(request)
        if not is_payment_id(payment_id):
            raise NotFound
        return to_response(await self.reading.show(PaymentId(payment_id), user.id))

    async def index(self, request: HttpRequest) -> Response[bytes]:
        """Return the user's payments of an order, oldest first."""
        user = await self.authenticator.authenticate(request)
        payments, order = await self.read_payments.of_order(order_id_in_query(request), user.id)
        return to_response(json_reply(200, [payment_body(payment, order) for payment in payments]))
