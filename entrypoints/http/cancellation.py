"""CancellationHandler: a customer cancels a payment. It uses no web framework."""

from attrs import frozen

from application.acting import acting
from application.use_cases.cancel_payment import CancelPayment
from domain.actor import Actor
from domain.identifiers import PaymentId, UserId
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.errors import RETRY_LATER
from entrypoints.http.replies import Reply, json_reply, payment_body, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail


@frozen
class CancellationHandler:
    """Handles `POST /api/payments/{id}/cancel`; it may be repeated without a key."""

    cancel_payment: CancelPayment
    tasks: BackgroundTasks

    async def cancel(self, payment_id: PaymentId, user: UserId) -> Reply:
        """Cancel a payment.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        with acting(Actor.customer()):
            return _reply(await self.tasks.run(self.cancel_payment(payment_id, user)))


def _reply(payment: Payment) -> Reply:
    body = payment_body(payment)
    if payment.status is PaymentStatus.CANCELLED:
        return json_reply(200, body)
    if payment.is_being_cancelled:
        detail = ErrorDetail("The payment will be cancelled as soon as the gateway replies")
        return problem_reply(503, detail, headers=RETRY_LATER, payment=body)
    message = f"A payment with status {payment.status.value} cannot be cancelled"
    return problem_reply(409, ErrorDetail(message, code="not_cancellable"), payment=body)
