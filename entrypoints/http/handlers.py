"""Handlers of the requests that move money: a command and an idempotency key in, a reply out.

They use no web framework. The HTTP routes and the simulation call these same functions.
"""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from attrs import evolve, field, frozen

from application.acting import acting
from application.log_context import note
from application.ports.gateway_notifications import Notification
from application.ports.idempotency_store import RequestKey, RequestRepeated, StoredReply
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.claim_order import CaptureUnsupported
from application.use_cases.create_charge import CreateCharge
from application.use_cases.keep_notification import KeepNotification
from application.use_cases.limit_declines import TooManyDeclines
from application.use_cases.pay_order import ChargeResult, KeyedRequest, PayOrder
from application.use_cases.refund_payment import RefundPayment
from domain.actor import Actor
from domain.claim import AlreadyPaid
from domain.identifiers import PaymentId, RefundId, UserId
from domain.payment_status import PaymentStatus
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.charge_replies import charge_reply
from entrypoints.http.errors import reply_to
from entrypoints.http.idempotency import (
    HandlerResult,
    IdempotencyGuard,
    fingerprint,
    replay,
    reply_to_store,
)
from entrypoints.http.repeated_replies import RepeatedReplies
from entrypoints.http.replies import Reply, json_reply, refund_body

# Prefixes, so that the same key means different requests on different routes.
_PAYMENT_KEYS: Final = "payments "
_REFUND_KEYS: Final = "refunds "

# Stands for the operator, who is not a user. A user with this id shares no key with the operator,
# because the keys of the two routes have different prefixes.
_OPERATOR: Final = UserId("operator")

_CUSTOMER: Final = Actor.customer()

# As many characters as a UUID has in hexadecimal: 128 bits.
_REFUND_ID_LENGTH: Final = 32


class ChargeMetrics(Protocol):
    """Counts attempts to pay."""

    def in_flight(self) -> AbstractContextManager[object]:
        """Count an attempt as in flight until the context ends."""

    def count(self, outcome: str) -> None:
        """Count an attempt that has ended."""

    def count_decline(self, gateway: str, code: str) -> None:
        """Count a declined attempt by the gateway's code, which may be any text."""

    def count_limited(self) -> None:
        """Count an attempt that the decline limits refused."""


class NoMetrics:
    """Counts nothing."""

    def in_flight(self) -> AbstractContextManager[object]:
        """Do nothing."""
        return nullcontext()

    def count(self, outcome: str) -> None:
        """Do nothing."""

    def count_decline(self, gateway: str, code: str) -> None:
        """Do nothing."""

    def count_limited(self) -> None:
        """Do nothing."""


@frozen
class PaymentHandler:
    """Handles `POST /api/payments`."""

    create_charge: CreateCharge
    replies: RepeatedReplies
    tasks: BackgroundTasks
    metrics: ChargeMetrics = field(factory=NoMetrics)

    async def pay(self, command: PayOrder, key: str | None = None) -> Reply:
        """Pay for an order; with an idempotency key, repeat the reply to its first request.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        note(order_id=command.order_id)
        with acting(_CUSTOMER):
            return await self.tasks.run(self._pay_once(command, key))

    async def _pay_once(self, command: PayOrder, key: str | None) -> Reply:
        if key is not None:
            request_key = RequestKey(command.payer, _PAYMENT_KEYS + key)
            request = KeyedRequest(request_key, _payment_fingerprint(command), _stored_reply)
            command = evolve(command, request=request)
        try:
            return await self._charge(command)
        except RequestRepeated as repeated:
            return await self.replies.complete(replay(repeated.reply), command.payer)

    async def _charge(self, command: PayOrder) -> Reply:
        with self.metrics.in_flight():
            try:
                result = await self.create_charge(command)
            except AlreadyPaid:
                self.metrics.count("already_paid")
                raise
            except TooManyDeclines:
                self.metrics.count_limited()
                raise
            except (GatewayUnavailable, StorageUnavailable):
                self.metrics.count("unavailable")
                raise
            except CaptureUnsupported:
                self.metrics.count("refused")
                raise
        payment = result.payment
        if payment.status is PaymentStatus.FAILED and not result.is_refused:
            self.metrics.count_decline(payment.gateway, payment.code or "")
        self.metrics.count("refused" if result.is_refused else payment.status.value)
        return charge_reply(result).reply


def _stored_reply(result: ChargeResult | AlreadyPaid) -> StoredReply | None:
    """Return the reply to store for a request with an idempotency key; None if it is not final."""
    if isinstance(result, AlreadyPaid):
        return reply_to_store(reply_to(result))
    ended = charge_reply(result)
    return reply_to_store(ended.reply) if ended.is_final else None


@frozen
class RefundCommand:
    """The command to refund part or all of a payment."""

    payment_id: PaymentId
    minor_units: int | None
    """The amount; all that is left if None."""
    reason: str


@frozen
class RefundHandler:
    """Handles `POST /api/payments/{id}/refunds`."""

    refund_payment: RefundPayment
    guard: IdempotencyGuard
    tasks: BackgroundTasks

    async def refund(self, command: RefundCommand, key: str | None = None) -> Reply:
        """Refund a payment; with an idempotency key, repeat the reply to its first request.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        note(payment_id=command.payment_id)
        return await self.tasks.run(self._refund_once(command, key))

    async def _refund_once(self, command: RefundCommand, key: str | None) -> Reply:
        refund_id = None if key is None else _refund_id(command.payment_id, key)
        return await self.guard.if_keyed(
            _OPERATOR,
            _REFUND_KEYS,
            key,
            _refund_fingerprint(command),
            lambda: self._refund(command, refund_id),
        )

    async def _refund(self, command: RefundCommand, refund_id: RefundId | None) -> HandlerResult:
        refund = await self.refund_payment(
            command.payment_id, command.minor_units, command.reason, refund_id
        )
        return HandlerResult(json_reply(201, refund_body(refund)), is_final=True)


@frozen
class NotificationHandler:
    """Handles a verified notification from a webhook."""

    keep_notification: KeepNotification
    tasks: BackgroundTasks

    async def receive(self, gateway: str, notification: Notification, body: bytes = b"") -> Reply:
        """Apply a notification, or keep its body; the gateway repeats it after any reply but 2xx.

        It runs to its end even if the caller is cancelled.

        Raises:
            Exception: an error of the use case; `reply_to` returns the reply to it.
        """
        with acting(Actor.gateway(gateway)):
            await self.tasks.run(self.keep_notification(gateway, notification, body))
        return json_reply(200, {"received": True})


def _payment_fingerprint(command: PayOrder) -> str:
    request = {
        "order": command.order_id,
        "token": command.token.value,
        "amount": command.expected.minor_units,
        "currency": command.expected.currency,
    }
    if command.gateway is not None:
        request["gateway"] = command.gateway
    if command.token.return_url is not None:  # without one, as earlier versions stored it
        request["return_url"] = command.token.return_url
    return fingerprint(request)


def _refund_fingerprint(command: RefundCommand) -> Mapping[str, object]:
    return {
        "payment": command.payment_id,
        "amount": command.minor_units,
        "reason": command.reason,
    }


def _refund_id(payment_id: PaymentId, key: str) -> RefundId:
    """Derive the refund's id from its idempotency key.

    If the refund was reserved but the process crashed or its confirmation was lost, the same key
    finds it again, instead of starting a second one.
    """
    digest = hashlib.sha256(f"{payment_id} {key}".encode()).hexdigest()
    return RefundId(digest[:_REFUND_ID_LENGTH])
