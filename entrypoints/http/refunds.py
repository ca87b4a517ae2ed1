"""`/api/payments/{id}/refunds`: the operator gives money back."""

import hashlib
from typing import Final

from attrs import field, frozen
from litestar import Response
from litestar.params import FromPath

from application.use_cases.refund_payment import RefundPayment
from domain.identifiers import PaymentId, RefundId, UserId
from entrypoints.http.auth import check_operator
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.errors import NotFound
from entrypoints.http.idempotency import HandlerResult, IdempotencyGuard
from entrypoints.http.replies import refund_body, reply
from entrypoints.http.requests import (
    AnyRequest,
    idempotency_key,
    is_payment_id,
    read_json,
    refund_request,
)

# The operator is no user; a user of that name shares no key with them, as theirs begin otherwise.
_OPERATOR: Final = UserId("operator")
_KEYS_OF: Final = "refunds "

# As long as the names of uuid4: 128 bits.
_NAME_LENGTH: Final = 32


@frozen
class RefundRoutes:
    """The operator's routes."""

    refund_payment: RefundPayment
    once: IdempotencyGuard
    running: BackgroundTasks
    operator_key: str = field(repr=False)

    async def create(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """Give part or all of a payment back."""
        check_operator(request, self.operator_key)
        if not is_payment_id(payment_id):
            raise NotFound
        key = idempotency_key(request)
        command = refund_request(await read_json(request, required=False))

        name = None if key is None else _name(payment_id, key)

        async def refund() -> HandlerResult:
            made = await self.refund_payment(
                PaymentId(payment_id), command.minor_units, command.reason, name
            )
            return HandlerResult(reply(201, refund_body(made)), final=True)

        if key is None:
            finished = await self.running.to_its_end(refund())
            return finished.reply.response()
        identity = {"payment": payment_id, "amount": command.minor_units, "reason": command.reason}
        answer = await self.running.to_its_end(
            self.once(_OPERATOR, _KEYS_OF + key, identity, refund)
        )
        return answer.response()


def _name(payment_id: str, key: str) -> RefundId:
    """The refund's id, made of its key.

    It may be reserved although its confirmation was lost, or we crashed after it: asked for again
    with the same key, it is found by its id instead of being made twice.
    """
    return RefundId(hashlib.sha256(f"{payment_id} {key}".encode()).hexdigest()[:_NAME_LENGTH])
