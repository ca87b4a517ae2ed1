"""What a unit of work writes about a request with an idempotency key, by the database's clock."""

from datetime import timedelta
from enum import Enum, auto
from typing import Any, Final

from attrs import define, field
from sqlalchemy import (
    ColumnElement,
    Delete,
    FromClause,
    Integer,
    Interval,
    LargeBinary,
    Text,
    Update,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from adapters.persistence.sql.tables import idempotency_keys
from application.ports.idempotency_store import RequestKey, StoredReply

_KEYS: Final = idempotency_keys.c
_NEW: Final[dict[str, ColumnElement[Any]]] = {
    "user_id": bindparam("request_user", type_=Text),
    "key": bindparam("request_key", type_=Text),
    "fingerprint": bindparam("request_fingerprint", type_=Text),
    "holder": bindparam("request_holder", type_=Text),
    "begun_at": func.now(),
    "lease_ends": func.now() + bindparam("request_lease", type_=Interval),
}
_REPLY: Final = {
    "status": bindparam("reply_status", type_=Integer),
    "content": bindparam("reply_content", type_=LargeBinary),
}
_UPSERT = insert(idempotency_keys).values(_NEW | _REPLY)
_IS_HELD: Final = and_(
    _KEYS.user_id == _NEW["user_id"],
    _KEYS.key == _NEW["key"],
    _KEYS.holder == _NEW["holder"],
    _KEYS.status.is_(None),
)

BEGIN_OR_TAKE_OVER: Final = (
    _UPSERT.on_conflict_do_update(
        index_elements=[_KEYS.user_id, _KEYS.key],
        set_={
            name: _UPSERT.excluded[name]
            for name in ("holder", "begun_at", "lease_ends", "status", "content")
        },
        where=and_(
            _KEYS.fingerprint == _UPSERT.excluded.fingerprint,
            _KEYS.status.is_(None),
            _KEYS.lease_ends <= func.now(),
        ),
    )
    .returning(literal_column("1"))
    .cte("begun_request")
)
"""Inserts one row, or takes over a request whose lease has ended; returns a row if it may."""


class Change(Enum):
    """What a commit does about a request."""

    BEGIN = auto()
    FINISH = auto()
    RELEASE = auto()


def change_of_request(change: Change) -> Update | Delete:
    """Return the statement that finishes or releases a request, if the holder still has it."""
    if change is Change.FINISH:
        return update(idempotency_keys).where(_IS_HELD).values(_REPLY)
    return delete(idempotency_keys).where(_IS_HELD)


def insert_request(source: FromClause) -> Insert:
    """Return an INSERT of a request for each row of the source; a conflict if its key is known."""
    return insert(idempotency_keys).from_select(
        list(_NEW), select(*_NEW.values()).select_from(source)
    )


@define
class SqlRequests:
    """The changes of one unit of work; it writes them at its commit."""

    change: Change | None = None
    values: dict[str, Any] = field(factory=dict)
    _unknown: RequestKey | None = None
    """A key that no request had when it was read."""
    is_new: bool = False
    """Whether a request begins that has no row and no reply yet."""

    def note_unknown(self, key: RequestKey) -> None:
        """Remember that no request has this key."""
        self._unknown = key

    def begin(self, key: RequestKey, fingerprint: str, holder: str, lease: timedelta) -> None:
        self.change, self.is_new = Change.BEGIN, key == self._unknown
        self.values = _held(key, holder) | _reply(None, None)
        self.values |= {"request_fingerprint": fingerprint, "request_lease": lease}

    def finish(self, key: RequestKey, holder: str, reply: StoredReply) -> None:
        self.is_new = False
        if self.change is not Change.BEGIN:
            self.change, self.values = Change.FINISH, _held(key, holder)
        self.values |= _reply(reply.status, reply.content)

    def release(self, key: RequestKey, holder: str) -> None:
        was_begun = self.change is Change.BEGIN
        self.change = None if was_begun else Change.RELEASE
        self.values = {} if was_begun else _held(key, holder)


def _held(key: RequestKey, holder: str) -> dict[str, Any]:
    return {"request_user": key.user_id, "request_key": key.key, "request_holder": holder}


def _reply(status: int | None, content: bytes | None) -> dict[str, Any]:
    return {"reply_status": status, "reply_content": content}
