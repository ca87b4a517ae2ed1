"""What a unit of work writes about a request with an idempotency key, by the database's clock."""

from datetime import timedelta
from typing import Any, Final

from attrs import define, field
from sqlalchemy import (
    CTE,
    Integer,
    Interval,
    LargeBinary,
    Text,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.tables import idempotency_keys
from application.ports.idempotency_store import RequestKey, StoredReply

_KEYS: Final = idempotency_keys.c
_REPLY: Final = {
    "status": bindparam("reply_status", type_=Integer),
    "content": bindparam("reply_content", type_=LargeBinary),
}
_NEW = insert(idempotency_keys).values(
    user_id=bindparam("request_user", type_=Text),
    key=bindparam("request_key", type_=Text),
    fingerprint=bindparam("request_fingerprint", type_=Text),
    holder=bindparam("request_holder", type_=Text),
    begun_at=func.now(),
    lease_ends=func.now() + bindparam("request_lease", type_=Interval),
    **_REPLY,
)
_IS_HELD: Final = and_(
    _KEYS.user_id == bindparam("request_user", type_=Text),
    _KEYS.key == bindparam("request_key", type_=Text),
    _KEYS.holder == bindparam("request_holder", type_=Text),
    _KEYS.status.is_(None),
)

BEGIN: Final = (
    _NEW.on_conflict_do_update(
        index_elements=[_KEYS.user_id, _KEYS.key],
        set_={
            name: _NEW.excluded[name]
            for name in ("holder", "begun_at", "lease_ends", "status", "content")
        },
        where=and_(
            _KEYS.fingerprint == _NEW.excluded.fingerprint,
            _KEYS.status.is_(None),
            _KEYS.lease_ends <= func.now(),
        ),
    )
    .returning(literal_column("1"))
    .cte("begun_request")
)
"""Inserts one row, or takes over a request whose lease has ended; returns a row if it may."""

FINISH: Final = update(idempotency_keys).where(_IS_HELD).values(**_REPLY).cte("finished_request")

RELEASE: Final = delete(idempotency_keys).where(_IS_HELD).cte("released_request")


@define
class SqlRequests:
    """The changes of one unit of work; it writes them at its commit."""

    change: CTE | None = None
    """BEGIN, FINISH or RELEASE."""
    values: dict[str, Any] = field(factory=dict)

    def begin(self, key: RequestKey, fingerprint: str, holder: str, lease: timedelta) -> None:
        self.change = BEGIN
        self.values = _held(key, holder) | _reply(None, None)
        self.values |= {"request_fingerprint": fingerprint, "request_lease": lease}

    def finish(self, key: RequestKey, holder: str, reply: StoredReply) -> None:
        if self.change is not BEGIN:
            self.change, self.values = FINISH, _held(key, holder)
        self.values |= _reply(reply.status, reply.content)

    def release(self, key: RequestKey, holder: str) -> None:
        is_new = self.change is BEGIN
        self.change, self.values = (None, {}) if is_new else (RELEASE, _held(key, holder))


def _held(key: RequestKey, holder: str) -> dict[str, Any]:
    return {"request_user": key.user_id, "request_key": key.key, "request_holder": holder}


def _reply(status: int | None, content: bytes | None) -> dict[str, Any]:
    return {"reply_status": status, "reply_content": content}
