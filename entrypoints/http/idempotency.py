"""Idempotency keys: the same request with the same key gets the same answer, and is carried out once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

import msgspec
import structlog
from attrs import frozen

from application.ports.idempotency_store import IdempotencyStore, RequestKey, StoredReply
from application.ports.unit_of_work import StorageUnavailable
from domain.identifiers import UserId
from entrypoints.http.replies import Reply, payment_path

logger = structlog.get_logger(__name__)

# Above the longest a charge takes: 5 s until it may no longer start and 15 s for the gateway,
# with the database between.
LEASE: Final = timedelta(seconds=60)

# What the customer's browser needs and nothing of ours may keep.
_NEVER_KEPT: Final = ("clientSecret", "nextAction")


@frozen
class HandlerResult:
    """A reply, and whether it is the request's final one: then it is given again from now on."""

    reply: Reply
    is_final: bool


@frozen
class IdempotencyGuard:
    """Carries a request out once for each key."""

    store: IdempotencyStore

    async def __call__(
        self,
        user: UserId,
        key: str,
        request: Mapping[str, object],
        carry_out: Callable[[], Awaitable[HandlerResult]],
    ) -> Reply:
        """Reply to the request, or again with the first reply.

        Args:
            user: whose key it is.
            key: as the client chose it.
            request: all that makes it this request; only a hash of it is kept. A card token in
                there is random enough not to be guessed from it, and good for one use.
            carry_out: does it, and bears repeating: what it raises is not kept, nor is anything
                where the process dies before it is answered.

        Raises:
            OtherRequest: the key was used for something else.
            StillRunning: the first request is under way.
            StorageUnavailable: nothing was done.
        """
        canonical = msgspec.json.encode(request, order="deterministic")
        request_key = RequestKey(user, key)
        kept = await self.store.begin(request_key, hashlib.sha256(canonical).hexdigest(), LEASE)
        if kept is not None:
            return _again(kept)
        try:
            finished = await carry_out()
        except Exception:
            await self._release(request_key)
            raise
        if finished.is_final:
            await self._keep(request_key, finished.reply)
        else:
            await self._release(request_key)
        return finished.reply

    async def _keep(self, key: RequestKey, reply: Reply) -> None:
        try:
            await self.store.finish(key, StoredReply(reply.status, _keepable(reply)))
        except StorageUnavailable:
            # The order is a key as well: whoever asks again is told that it is paid.
            logger.warning("the answer to a request with an idempotency key is not kept")

    async def _release(self, key: RequestKey) -> None:
        try:
            await self.store.release(key)
        except StorageUnavailable:
            logger.warning("an idempotency key stays taken until its lease ends")


def _keepable(reply: Reply) -> bytes:
    if b'"clientSecret"' not in reply.content:
        return reply.content
    body = msgspec.json.decode(reply.content, type=dict[str, object])
    return msgspec.json.encode({k: v for k, v in body.items() if k not in _NEVER_KEPT})


def _again(kept: StoredReply) -> Reply:
    headers = {"Idempotent-Replayed": "true"}
    reply = Reply(kept.status, kept.content, headers)
    if not reply.is_problem:
        body = msgspec.json.decode(kept.content, type=dict[str, object])
        if "paymentId" not in body:
            headers["Location"] = payment_path(str(body["id"]))
    return reply
