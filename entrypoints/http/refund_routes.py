"""`/api/payments/{id}/refunds`: an operator refunds a payment."""

from attrs import frozen
from litestar import Response
from litestar.params import FromPath

from domain.identifiers import PaymentId
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import RefundHandler
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.operator_keys import OperatorKeys
from entrypoints.http.request_bodies import parse_refund
from entrypoints.http.requests import idempotency_key, read_json, refuse_query
from entrypoints.http.responses import to_response
from entrypoints.http.validation import is_payment_id


@frozen
class RefundRoutes:
    """The routes for operators."""

    handler: RefundHandler
    operators: OperatorKeys

    async def create(self, request: HttpRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Refund part or all of a payment."""
        self.operators.authenticate(request)
        if not is_payment_id(payment_id):
            raise NotFound
        refuse_query(request)
        key = idempotency_key(request)
        command = parse_refund(await read_json(request, required=False), PaymentId(payment_id))
        return to_response(await self.handler.refund(command, key))
