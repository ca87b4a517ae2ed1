"""What a unit of work in memory writes about a request with an idempotency key."""

from datetime import timedelta

from attrs import define, evolve

from adapters.persistence.in_memory.tables import InMemoryTables, KeyRecord
from application.ports.charge_reading import KnownRequest
from application.ports.idempotency_store import RequestKey, StoredReply
from application.ports.unit_of_work import Conflict


@define
class InMemoryRequests:
    """The changes of one unit of work, written at its commit."""

    _database: InMemoryTables
    _begun: tuple[RequestKey, str, str, timedelta] | None = None
    _ended: tuple[RequestKey, str, StoredReply | None] | None = None

    def begin(self, key: RequestKey, fingerprint: str, holder: str, lease: timedelta) -> None:
        self._begun = key, fingerprint, holder, lease

    def finish(self, key: RequestKey, holder: str, reply: StoredReply) -> None:
        self._ended = key, holder, reply

    def release(self, key: RequestKey, holder: str) -> None:
        self._ended = key, holder, None

    def __bool__(self) -> bool:
        return self._begun is not None or self._ended is not None

    def check(self) -> None:
        """Raise a conflict if the key is taken."""
        if self._begun is None:
            return
        key, fingerprint, _, _ = self._begun
        first = self._database.idempotency_keys.get(key)
        if first is None:
            return
        is_over = first.reply is None and first.lease_ends <= self._database.now()
        if first.fingerprint != fingerprint or not is_over:
            raise Conflict("request")

    def write(self) -> None:
        """Write the changes."""
        keys, now = self._database.idempotency_keys, self._database.now()
        if self._begun is not None:
            key, fingerprint, holder, lease = self._begun
            keys[key] = KeyRecord(fingerprint, now, now + lease, holder)
        if self._ended is None:
            return
        key, holder, reply = self._ended
        record = keys.get(key)
        if record is None or record.holder != holder or record.reply is not None:
            return
        if reply is None:
            del keys[key]
        else:
            keys[key] = evolve(record, reply=reply)


def known_request(database: InMemoryTables, key: RequestKey | None) -> KnownRequest | None:
    """Return the request that has this key."""
    record = None if key is None else database.idempotency_keys.get(key)
    if record is None:
        return None
    is_leased = record.lease_ends > database.now()
    return KnownRequest(record.fingerprint, record.holder, is_leased, record.reply)
