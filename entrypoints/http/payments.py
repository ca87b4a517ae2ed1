"""`/api/payments`: pay for an order, and read one's own payments."""

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from application.use_cases.create_charge import PayOrder
from application.use_cases.read_payments import ReadPayments
from domain.identifiers import PaymentId
from entrypoints.http.addresses import decline_sources
from entrypoints.http.auth import Authenticator
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import PaymentHandler
from entrypoints.http.replies import payment_body, reply
from entrypoints.http.requests import (
    AnyRequest,
    charge_request,
    idempotency_key,
    is_payment_id,
    order_in_query,
    read_json,
)
from entrypoints.http.responses import to_response


@frozen
class PaymentRoutes:
    """The routes of users."""

    handler: PaymentHandler
    read_payments: ReadPayments
    authenticator: Authenticator
    trusted_proxies: int

    async def create(self, request: AnyRequest) -> Response[bytes]:
        """Pay for an order, at most once however often the request is repeated."""
        user = await self.authenticator.user(request)
        key = idempotency_key(request)
        body = charge_request(await read_json(request))
        command = PayOrder(
            body.order_id,
            user.id,
            body.token,
            body.expected,
            decline_sources(request, user.id, self.trusted_proxies),
        )
        return to_response(await self.handler.pay(command, key))

    async def show(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Return one of the user's payments."""
        user = await self.authenticator.user(request)
        if not is_payment_id(payment_id):
            raise NotFound
        payment, order = await self.read_payments.one(PaymentId(payment_id), user.id)
        return to_response(reply(200, payment_body(payment, order)))

    async def index(self, request: AnyRequest) -> Response[bytes]:
        """Return the user's payments of an order, oldest first."""
        user = await self.authenticator.user(request)
        payments, order = await self.read_payments.of_order(order_in_query(request), user.id)
        return to_response(reply(200, [payment_body(payment, order) for payment in payments]))
