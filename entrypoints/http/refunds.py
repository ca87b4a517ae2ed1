"""`/api/payments/{id}/refunds`: an operator gives money back."""

from attrs import field, frozen
from litestar import Response
from litestar.params import FromPath

from domain.identifiers import PaymentId
from entrypoints.http.auth import check_operator
from entrypoints.http.errors import NotFound
from entrypoints.http.handlers import RefundCommand, RefundHandler
from entrypoints.http.requests import (
    AnyRequest,
    idempotency_key,
    is_payment_id,
    read_json,
    refund_request,
)
from entrypoints.http.responses import to_response


@frozen
class RefundRoutes:
    """The routes of operators."""

    handler: RefundHandler
    operator_key: str = field(repr=False)

    async def create(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Give part or all of a payment back."""
        check_operator(request, self.operator_key)
        if not is_payment_id(payment_id):
            raise NotFound
        key = idempotency_key(request)
        body = refund_request(await read_json(request, required=False))
        command = RefundCommand(PaymentId(payment_id), body.minor_units, body.reason)
        return to_response(await self.handler.refund(command, key))
