"""Handler of an operator's decision about a payment in review. It uses no web framework."""

from http import HTTPStatus
from typing import Final

from attrs import frozen

from application.log_context import note
from application.use_cases.review_payment import ReviewPayment
from domain.identifiers import PaymentId, UserId
from domain.order_reviews import ReviewDecision
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.idempotency import HandlerResult, IdempotencyGuard
from entrypoints.http.replies import Reply, json_reply, operator_body

# A prefix, so that the same key means different requests on different routes.
_REVIEW_KEYS: Final = "reviews "

# Stands for the operator, who is not a user; the prefix keeps the keys of users apart.
_OPERATOR: Final = UserId("operator")


@frozen
class ReviewCommand:
    """The command to decide about a payment in review."""

    payment_id: PaymentId
    decision: ReviewDecision
    reason: str


@frozen
class ReviewHandler:
    """Handles `POST /api/payments/{id}/review`."""

    review_payment: ReviewPayment
    guard: IdempotencyGuard
    tasks: BackgroundTasks

    async def review(self, command: ReviewCommand, key: str | None = None) -> Reply:
        """Decide once; with an idempotency key, repeat the reply to its first request.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        note(payment_id=command.payment_id)
        return await self.tasks.run(self._review_once(command, key))

    async def _review_once(self, command: ReviewCommand, key: str | None) -> Reply:
        async def execute() -> HandlerResult:
            payment = await self.review_payment(
                command.payment_id, command.decision, command.reason
            )
            return HandlerResult(json_reply(HTTPStatus.OK, operator_body(payment)), is_final=True)

        request = {
            "payment": command.payment_id,
            "decision": command.decision.value,
            "reason": command.reason,
        }
        return await self.guard.if_keyed(_OPERATOR, _REVIEW_KEYS, key, request, execute)
