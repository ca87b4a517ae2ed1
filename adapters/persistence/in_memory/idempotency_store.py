"""The idempotency store in memory."""

from datetime import timedelta

from attrs import evolve, frozen

from adapters.persistence.in_memory.tables import InMemoryTables, KeyRecord
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    StoredReply,
)


@frozen
class InMemoryIdempotencyStore:
    """Replies by idempotency key."""

    _database: InMemoryTables

    async def begin(
        self, key: RequestKey, fingerprint: str, lease: timedelta
    ) -> StoredReply | None:
        await self._database.checkpoint("begin request")
        now = self._database.now()
        first = self._database.idempotency_keys.get(key)
        if first is not None and first.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if first is not None and first.reply is not None:
            return first.reply
        if first is not None and first.lease_ends > now:
            raise RequestInProgress
        self._database.idempotency_keys[key] = KeyRecord(fingerprint, now, now + lease)
        return None

    async def finish(self, key: RequestKey, reply: StoredReply) -> None:
        await self._database.checkpoint("finish request")
        first = self._database.idempotency_keys.get(key)
        if first is not None and first.reply is None:
            self._database.idempotency_keys[key] = evolve(first, reply=reply)

    async def release(self, key: RequestKey) -> None:
        await self._database.checkpoint("release request")
        first = self._database.idempotency_keys.get(key)
        if first is not None and first.reply is None:
            del self._database.idempotency_keys[key]

    async def delete_older_than(self, age: timedelta) -> int:
        await self._database.checkpoint("delete old requests")
        before = self._database.now() - age
        keys = self._database.idempotency_keys
        old = [key for key, record in keys.items() if record.begun_at < before]
        for key in old:
            del keys[key]
        return len(old)
