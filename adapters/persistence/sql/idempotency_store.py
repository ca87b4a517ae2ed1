"""The idempotency store on PostgreSQL, by the database's clock."""

import secrets
from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import (
    Integer,
    Interval,
    LargeBinary,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.retention import delete_oldest
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import idempotency_keys
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    StoredReply,
)

_USER: Final = bindparam("user_id", type_=Text)
_KEY: Final = bindparam("key", type_=Text)
_IS_KEY: Final = and_(idempotency_keys.c.user_id == _USER, idempotency_keys.c.key == _KEY)

_INSERT = insert(idempotency_keys).values(
    user_id=_USER,
    key=_KEY,
    fingerprint=bindparam("fingerprint", type_=Text),
    holder=bindparam("holder", type_=Text),
    begun_at=func.now(),
    lease_ends=func.now() + bindparam("lease", type_=Interval),
)
# The first request ended without a reply.
_LEASE_ENDED = and_(
    idempotency_keys.c.fingerprint == _INSERT.excluded.fingerprint,
    idempotency_keys.c.status.is_(None),
    idempotency_keys.c.lease_ends <= func.now(),
)
# It updates the row even without a change: only then does it return the latest committed row, also
# if other processes commit at the same time.
_BEGIN: Final = Statement.of(
    _INSERT.on_conflict_do_update(
        index_elements=[idempotency_keys.c.user_id, idempotency_keys.c.key],
        set_={
            name: case((_LEASE_ENDED, _INSERT.excluded[name]), else_=idempotency_keys.c[name])
            for name in ("holder", "begun_at", "lease_ends")
        },
    ).returning(
        idempotency_keys.c.holder,
        idempotency_keys.c.fingerprint,
        idempotency_keys.c.status,
        idempotency_keys.c.content,
    )
)

_FINISH: Final = Statement.of(
    update(idempotency_keys)
    .where(_IS_KEY, idempotency_keys.c.status.is_(None))
    .values(
        status=bindparam("reply_status", type_=Integer),
        content=bindparam("reply_content", type_=LargeBinary),
    )
)

_RELEASE: Final = Statement.of(
    delete(idempotency_keys).where(_IS_KEY, idempotency_keys.c.status.is_(None))
)

_DELETE_OLD: Final = delete_oldest(idempotency_keys, idempotency_keys.c.begun_at)


@frozen
class SqlIdempotencyStore:
    """An idempotency store in which each method is one statement."""

    _database: Database

    async def begin(
        self, key: RequestKey, fingerprint: str, lease: timedelta
    ) -> StoredReply | None:
        holder = secrets.token_hex(8)
        ((current_holder, first_fingerprint, status, content),) = await self._database.run(
            _BEGIN,
            user_id=key.user_id,
            key=key.key,
            fingerprint=fingerprint,
            holder=holder,
            lease=lease,
        )
        if current_holder == holder:
            return None
        if first_fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if status is None:
            raise RequestInProgress
        return StoredReply(status, content)

    async def finish(self, key: RequestKey, reply: StoredReply) -> None:
        await self._database.run(
            _FINISH,
            user_id=key.user_id,
            key=key.key,
            reply_status=reply.status,
            reply_content=reply.content,
        )

    async def release(self, key: RequestKey) -> None:
        await self._database.run(_RELEASE, user_id=key.user_id, key=key.key)

    async def delete_older_than(self, age: timedelta) -> int:
        """Delete up to BATCH older keys; return how many."""
        return len(await self._database.run(_DELETE_OLD, age=age))
