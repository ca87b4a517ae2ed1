"""Handlers of the requests that capture or release authorized money. They use no web framework."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from attrs import frozen

from application.log_context import note
from application.use_cases.capture_payment import CapturePayment
from application.use_cases.send_capture import CaptureResult
from application.use_cases.void_payment import VoidPayment
from domain.identifiers import PaymentId, UserId
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.idempotency import HandlerResult, IdempotencyGuard
from entrypoints.http.replies import Reply, json_reply, operator_body, payment_path, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail

# Prefixes, so that the same key means different requests on different routes.
_CAPTURE_KEYS: Final = "captures "
_VOID_KEYS: Final = "voids "

# Stands for the operator, who is not a user; the prefixes keep the keys of users apart.
_OPERATOR: Final = UserId("operator")


@frozen
class CaptureCommand:
    """The command to capture part or all of an authorization."""

    payment_id: PaymentId
    minor_units: int | None
    """The amount; all that is authorized if None."""
    currency: str | None
    """The expected currency, if the operator has said one."""


@frozen
class VoidCommand:
    """The command to release an authorization."""

    payment_id: PaymentId
    reason: str


@frozen
class CaptureHandler:
    """Handles `POST /api/payments/{id}/captures` and `POST /api/payments/{id}/void`.

    Both may be repeated without a key: an authorization is captured or released once.
    """

    capture_payment: CapturePayment
    void_payment: VoidPayment
    guard: IdempotencyGuard
    tasks: BackgroundTasks

    async def capture(self, command: CaptureCommand, key: str | None = None) -> Reply:
        """Capture an authorization; with an idempotency key, repeat the reply to its first request.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        note(payment_id=command.payment_id)
        return await self.tasks.run(self._capture_once(command, key))

    async def void(self, command: VoidCommand, key: str | None = None) -> Reply:
        """Release an authorization; with an idempotency key, as above.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        note(payment_id=command.payment_id)
        return await self.tasks.run(self._void_once(command, key))

    async def _capture_once(self, command: CaptureCommand, key: str | None) -> Reply:
        async def execute() -> HandlerResult:
            return capture_reply(
                await self.capture_payment(
                    command.payment_id, command.minor_units, command.currency
                )
            )

        request: Mapping[str, object] = {
            "payment": command.payment_id,
            "amount": command.minor_units,
            "currency": command.currency,
        }
        return await self.guard.if_keyed(_OPERATOR, _CAPTURE_KEYS, key, request, execute)

    async def _void_once(self, command: VoidCommand, key: str | None) -> Reply:
        async def execute() -> HandlerResult:
            return void_reply(await self.void_payment(command.payment_id, command.reason))

        request = {"payment": command.payment_id, "reason": command.reason}
        return await self.guard.if_keyed(_OPERATOR, _VOID_KEYS, key, request, execute)


def capture_reply(result: CaptureResult) -> HandlerResult:
    """Return the reply to a capture; it is final once the money is captured."""
    payment, failed = result.payment, result.failed
    body = operator_body(payment)
    if failed is not None:
        # Not the gateway's words: the alert has them.
        detail = ErrorDetail("The gateway has refused the capture", code=failed.code)
        return HandlerResult(problem_reply(502, detail, payment=body), is_final=False)
    if payment.status is PaymentStatus.SUCCEEDED:
        return HandlerResult(json_reply(200, body), is_final=True)
    if payment.status is PaymentStatus.AUTHORIZED:
        return HandlerResult(_accepted(payment), is_final=False)
    message = f"The payment was not captured; its status is {payment.status.value}"
    return HandlerResult(_conflict(message, "not_captured", payment), is_final=False)


def void_reply(payment: Payment) -> HandlerResult:
    """Return the reply to a release; it is final once the money is released."""
    if payment.status is PaymentStatus.CANCELLED:
        return HandlerResult(json_reply(200, operator_body(payment)), is_final=True)
    if payment.status is PaymentStatus.AUTHORIZED:
        return HandlerResult(_accepted(payment), is_final=False)
    message = f"The payment was captured meanwhile; its status is {payment.status.value}"
    return HandlerResult(_conflict(message, "not_released", payment), is_final=False)


def _accepted(payment: Payment) -> Reply:
    """Return the reply while the outcome is unknown; recovery finds it."""
    headers = {"Location": payment_path(payment.id)}
    return json_reply(HTTPStatus.ACCEPTED, operator_body(payment), headers)


def _conflict(message: str, code: str, payment: Payment) -> Reply:
    detail = ErrorDetail(message, code=code)
    return problem_reply(HTTPStatus.CONFLICT, detail, payment=operator_body(payment))
