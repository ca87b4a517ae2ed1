"""Idempotency keys: a request with a key is executed once, and repeats get the same reply.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from attrs import frozen

from application.log_context import note
from application.ports.idempotency_store import IdempotencyStore, RequestKey, StoredReply
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.pay_order import REQUEST_LEASE
from domain.identifiers import UserId
from entrypoints.http.replies import Reply, payment_path

logger = structlog.get_logger(__name__)

# The customer's browser needs these fields, but they must not be stored.
_NOT_STORED: Final = ("clientSecret", "nextAction")


@frozen
class HandlerResult:
    """The reply of a handler, and whether it is final: only then is it stored and repeated."""

    reply: Reply
    is_final: bool


@frozen
class IdempotencyGuard:
    """Executes a request once for each idempotency key, in statements of its own.

    `CreateCharge` needs none: it writes the key and the reply in its own commits.
    """

    store: IdempotencyStore

    async def if_keyed(
        self,
        user: UserId,
        prefix: str,
        key: str | None,
        request: Mapping[str, object],
        execute: Callable[[], Awaitable[HandlerResult]],
    ) -> Reply:
        """Execute the request: once for its key, or each time if it has none.

        With the prefix of a route, the same key means different requests on different routes.

        Raises:
            IdempotencyKeyReused, RequestInProgress, StorageUnavailable: as for a call.
        """
        if key is None:
            return (await execute()).reply
        return await self(user, prefix + key, request, execute)

    async def __call__(
        self,
        user: UserId,
        key: str,
        request: Mapping[str, object],
        execute: Callable[[], Awaitable[HandlerResult]],
    ) -> Reply:
        """Execute the request, or return the stored reply of the first one.

        Args:
            user: the user who sent the key.
            key: as the client chose it.
            request: all that distinguishes this request from others.
            execute: executes the request. It must be safe to repeat: nothing is stored if it
                raises, or if the process crashes before the reply is stored.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            RequestInProgress: the first request has no reply yet.
            StorageUnavailable: nothing was done.
        """
        request_key = RequestKey(user, key)
        stored = await self.store.begin(request_key, fingerprint(request), REQUEST_LEASE)
        if stored is not None:
            return replay(stored)
        try:
            result = await execute()
        except Exception:
            await self._release(request_key)
            raise
        if result.is_final:
            await self._store(request_key, result.reply)
        else:
            await self._release(request_key)
        return result.reply

    async def _store(self, key: RequestKey, reply: Reply) -> None:
        try:
            await self.store.finish(key, reply_to_store(reply))
        except StorageUnavailable:
            # A repeat finds the same refund: its id is derived from the key.
            logger.warning("reply not stored for an idempotency key")

    async def _release(self, key: RequestKey) -> None:
        try:
            await self.store.release(key)
        except StorageUnavailable:
            logger.warning("idempotency key not released; it is blocked until its lease ends")


def fingerprint(request: Mapping[str, object]) -> str:
    """Return a hash of all that distinguishes a request from others.

    It does not reveal a card token in it, because tokens are random.
    """
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()


def reply_to_store(reply: Reply) -> StoredReply:
    """Return a reply without what is never stored."""
    if not any(f'"{name}"'.encode() in reply.content for name in _NOT_STORED):
        return StoredReply(reply.status, reply.content)
    body = msgspec.json.decode(reply.content, type=dict[str, object])
    content = msgspec.json.encode({k: v for k, v in body.items() if k not in _NOT_STORED})
    return StoredReply(reply.status, content)


def replay(stored: StoredReply) -> Reply:
    """Return a stored reply to a repeated request, as far as it was stored."""
    headers = {"Idempotent-Replayed": "true"}
    reply = Reply(stored.status, stored.content, headers)
    body = msgspec.json.decode(stored.content, type=dict[str, object])
    _note_ids(body.get("payment", body))
    # Headers are not stored. Only a new payment has a Location; a refund's body has a paymentId.
    if stored.status in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED) and "paymentId" not in body:
        headers["Location"] = payment_path(str(body["id"]))
    return reply


def _note_ids(body: object) -> None:
    """Note the ids of a stored payment or refund for the log."""
    match body:
        case {"paymentId": str(payment_id), "orderId": str(order_id)}:
            note(payment_id=payment_id, order_id=order_id)
        case {"id": str(payment_id), "orderId": str(order_id)}:
            note(payment_id=payment_id, order_id=order_id)
        case _:
            pass
