"""The tables; a test compares them with the result of the migrations.

Those of orders are in order_tables.py, which also says why the key of a column may differ from its
name.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from adapters.persistence.sql.metadata import MOMENT, metadata
from adapters.persistence.sql.order_tables import (
    disputes,
    history_leaves,
    history_nodes,
    history_roots,
    order_history,
    orders,
    payments,
    refunds,
)

__all__ = [
    "alerts",
    "database_identity",
    "declines",
    "deferred_notifications",
    "differences",
    "disputes",
    "gateway_marks",
    "history_leaves",
    "history_nodes",
    "history_roots",
    "idempotency_keys",
    "inbox",
    "metadata",
    "operator_sessions",
    "order_history",
    "orders",
    "outbox",
    "payments",
    "refunds",
    "relay",
    "stream_positions",
    "unusable_notifications",
]

outbox: Final = Table(
    "outbox",
    metadata,
    # A later event of the same order has a higher position: an order has one writer at a time.
    Column("position", BigInteger, primary_key=True),
    Column("id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("traceparent", Text),
    Column("recorded_at", MOMENT, nullable=False, server_default=func.now()),
    Column("sent_at", MOMENT),
    # Why it can never be published.
    Column("parked", Text),
    UniqueConstraint("id", name="outbox_id"),
    Index("outbox_parked", "position", postgresql_where=text("parked IS NOT NULL")),
    Index(
        "outbox_waiting", "position", postgresql_where=text("sent_at IS NULL AND parked IS NULL")
    ),
)

inbox: Final = Table(
    "inbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("heard_at", MOMENT, key="received_at", nullable=False, server_default=func.now()),
    Index("inbox_heard_at", "received_at"),
)

deferred_notifications: Final = Table(
    "deferred_notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("charge_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("deferred_at", MOMENT, nullable=False),
    Index("deferred_notifications_deferred_at", "deferred_at"),
)

relay: Final = Table(
    "relay",
    metadata,
    # One row: one relay at a time.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("lease_ends", MOMENT, nullable=False),
    # Until then, a commit that adds events must wake the holder, which has found none.
    Column("sleeps_until", MOMENT),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    # The call that may proceed.
    Column("holder", Text, nullable=False),
    Column("begun_at", MOMENT, nullable=False),
    Column("lease_ends", MOMENT, nullable=False),
    Column("status", Integer),
    Column("content", LargeBinary),
    Index("idempotency_keys_begun_at", "begun_at"),
)

database_identity: Final = Table(
    "database_identity",
    metadata,
    # One row: which database this is, in all its copies.
    Column("identity", Text, primary_key=True),
)

gateway_marks: Final = Table(
    "gateway_marks",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    # The newest comparison that has begun; only that one may advance the mark.
    Column("comparison", Text, nullable=False),
    # The mark: all charges that the gateway created before this time are in these books.
    Column("complete_until", MOMENT),
)

declines: Final = Table(
    "declines",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", MOMENT, nullable=False, server_default=func.now()),
    Index("declines_source_at", "source", "at"),
    Index("declines_at", "at"),
)

differences: Final = Table(
    "differences",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("order_id", Text),
    Column("payment_id", Text),
    Column("charge_id", Text),
    Column("refund_id", Text),
    Column("ours", Text),
    Column("theirs", Text),
    Column("reason", Text),
    Column("repaired", Boolean, nullable=False),
    # About when it was created; a comparison of this time finds it again.
    Column("at", MOMENT, nullable=False),
    Column("found_at", MOMENT, nullable=False),
    Column("seen_at", MOMENT, nullable=False),
    Column("resolved_at", MOMENT),
    Index("differences_open", "found_at", postgresql_where=text("resolved_at IS NULL")),
    Index("differences_seen_at", "seen_at"),
)

alerts: Final = Table(
    "alerts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("first_at", MOMENT, nullable=False),
    Column("last_at", MOMENT, nullable=False),
    Column("count", BigInteger, nullable=False),
    Index("alerts_last_at", "last_at"),
)

operator_sessions: Final = Table(
    "operator_sessions",
    metadata,
    # A hash of the token, which the browser alone has.
    Column("id", LargeBinary, primary_key=True),
    Column("operator", Text, nullable=False),
    # A hash of the token and of the operator's key: another key ends the session.
    Column("proof", LargeBinary, nullable=False),
    Column("began_at", MOMENT, nullable=False),
    Column("used_at", MOMENT, nullable=False),
    Index("operator_sessions_began_at", "began_at"),
)

stream_positions: Final = Table(
    "stream_positions",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("consumer", Text, primary_key=True),
    Column("stream_id", Text, nullable=False),
    Column("consumer_id", Text, nullable=False),
    Column("applied", BigInteger, nullable=False),
    Column("applied_at", MOMENT),
    Column("floor", BigInteger, nullable=False),
    # Where the row was written; see stream_positions.py.
    Column("server", Text, nullable=False),
    Column("written_by", Text, nullable=False),
)

unusable_notifications: Final = Table(
    "unusable_notifications",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("notification_id", Text, nullable=False),
    Column("received_at", MOMENT, nullable=False, server_default=func.now()),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Index("unusable_notifications_id", "gateway", "notification_id", unique=True),
)
