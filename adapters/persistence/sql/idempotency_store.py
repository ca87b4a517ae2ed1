"""Answers by idempotency key, by the database's clock."""

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

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.retention import oldest
from adapters.persistence.sql.tables import answers
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    StoredReply,
)

_USER: Final = bindparam("user_id", type_=Text)
_KEY: Final = bindparam("key", type_=Text)
_THIS: Final = and_(answers.c.user_id == _USER, answers.c.key == _KEY)

_FIRST = insert(answers).values(
    user_id=_USER,
    key=_KEY,
    fingerprint=bindparam("fingerprint", type_=Text),
    holder=bindparam("holder", type_=Text),
    begun_at=func.now(),
    lease_ends=func.now() + bindparam("lease", type_=Interval),
)
# The first one went away without an answer.
_LEFT = and_(
    answers.c.fingerprint == _FIRST.excluded.fingerprint,
    answers.c.code.is_(None),
    answers.c.lease_ends <= func.now(),
)
# It writes the row even where it changes nothing: only so is what it returns the newest there is,
# whatever other replicas commit at the same time.
_BEGIN: Final = Statement.of(
    _FIRST.on_conflict_do_update(
        index_elements=[answers.c.user_id, answers.c.key],
        set_={
            name: case((_LEFT, _FIRST.excluded[name]), else_=answers.c[name])
            for name in ("holder", "begun_at", "lease_ends")
        },
    ).returning(answers.c.holder, answers.c.fingerprint, answers.c.code, answers.c.content)
)

_FINISH: Final = Statement.of(
    update(answers)
    .where(_THIS, answers.c.code.is_(None))
    .values(
        code=bindparam("answer_code", type_=Integer),
        content=bindparam("answer_content", type_=LargeBinary),
    )
)

_RELEASE: Final = Statement.of(delete(answers).where(_THIS, answers.c.code.is_(None)))

_FORGET: Final = oldest(answers, answers.c.begun_at)


@frozen
class SqlIdempotencyStore:
    """Each method is one statement, safe for any number of replicas at once."""

    _database: Database

    async def begin(
        self, key: RequestKey, fingerprint: str, lease: timedelta
    ) -> StoredReply | None:
        holder = secrets.token_hex(8)
        ((held_by, first_fingerprint, code, content),) = await self._database.run(
            _BEGIN,
            user_id=key.user_id,
            key=key.key,
            fingerprint=fingerprint,
            holder=holder,
            lease=lease,
        )
        if held_by == holder:
            return None
        if first_fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if code is None:
            raise RequestInProgress
        return StoredReply(code, content)

    async def finish(self, key: RequestKey, answer: StoredReply) -> None:
        await self._database.run(
            _FINISH,
            user_id=key.user_id,
            key=key.key,
            answer_code=answer.status,
            answer_content=answer.content,
        )

    async def release(self, key: RequestKey) -> None:
        await self._database.run(_RELEASE, user_id=key.user_id, key=key.key)

    async def delete_older_than(self, age: timedelta) -> int:
        """Forget keys older than that, BATCH of them at the most; how many."""
        return len(await self._database.run(_FORGET, age=age))
