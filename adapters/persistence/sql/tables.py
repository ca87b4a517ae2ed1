"""The tables; a test compares them with the result of the migrations.

Some columns have a key that differs from their name in the database: renaming such a column would
break the processes of release 1.0.0rc1 that run during a migration. Python code uses the key, and
SQL text uses the name.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

_MOMENT: Final = DateTime(timezone=True)

THIS_TRANSACTION: Final = text("txid_current()")

orders: Final = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    # How often the order was written: the guard of the order, its payments, refunds and disputes.
    Column("revision", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    # From `order:created`; NULL while only a cancellation has been received.
    Column("terms_version", BigInteger),
    Column("user_id", Text),
    Column("price", BigInteger),
    Column("currency", Text),
    Column("expires_at", _MOMENT),
    # When its money is captured: 'automatic' or 'manual'; NULL: as is configured.
    Column("capture", Text),
    # From `order:shipped`; NULL while none has been received. An amount of NULL means all of it.
    Column("shipped_version", BigInteger),
    Column("shipped_amount", BigInteger),
    # Where its history ends, and the revision that this describes; NULL while it has none.
    Column("history_seq", BigInteger),
    Column("history_hash", LargeBinary),
    Column("history_revision", BigInteger),
)

order_history: Final = Table(
    "order_history",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # Until migration 0027, the parts of an entry had columns of their own.
    Column("at", _MOMENT),
    Column("who", Text),
    Column("why", Text),
    Column("change", Text),
    Column("hash", LargeBinary, nullable=False),
    # The transaction: what was committed since the last root is found by it.
    Column("transaction", BigInteger, nullable=False, server_default=THIS_TRANSACTION),
    # Canonical JSON, as it was hashed; NULL in rows with the columns above.
    Column("content", Text),
    Index("order_history_transaction", "transaction"),
)

# The tree below the newest root over all histories; the function record_history_root writes it.
history_leaves: Final = Table(
    "history_leaves",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", Text, nullable=False),
    # The newest entry that the root contains.
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("order_id", name="history_leaves_order_id"),
)

history_nodes: Final = Table(
    "history_nodes",
    metadata,
    # The leaves are level 0, but not here.
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

history_roots: Final = Table(
    "history_roots",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", _MOMENT, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("orders", BigInteger, nullable=False),
    # The entries of all transactions before this one are in it.
    Column("complete_until", BigInteger, nullable=False),
    # Whether it has left nothing to the next one.
    Column("is_complete", Boolean, nullable=False),
)

payments: Final = Table(
    "payments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("user_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("status", Text, nullable=False),
    Column("charge_id", Text),
    # What the gateway captured, perhaps in another currency than requested.
    Column("taken", BigInteger, key="captured_amount"),
    Column("taken_currency", Text, key="captured_currency"),
    Column("reference", Text),
    Column("code", Text),
    Column("look_at", _MOMENT, key="next_check_at"),
    Column("capture_mode", Text, nullable=False, server_default="automatic"),
    Column("authorized_until", _MOMENT),
    # How much of the authorized amount is being captured, in its currency.
    Column("requested_capture", BigInteger),
    # What a newer shipment names while a capture is in flight.
    Column("next_capture", BigInteger),
    Column("capture_attempt", Integer, nullable=False, server_default=text("0")),
    Column("decided_at", _MOMENT),
    # An operator's own words.
    Column("release_reason", Text),
    Index("payments_order_id", "order_id"),
    Index(
        "payments_one_live_an_order",
        "order_id",
        unique=True,
        postgresql_where=text(
            "status IN ('processing', 'requires_action', 'pending', 'authorized', 'succeeded')"
        ),
    ),
    Index("payments_charge_id", "charge_id", postgresql_where=text("charge_id IS NOT NULL")),
    Index("payments_look_at", "next_check_at", postgresql_where=text("look_at IS NOT NULL")),
    Index("payments_pending", "created_at", postgresql_where=text("status = 'pending'")),
    Index("payments_created_at", "created_at", postgresql_using="brin"),
    Index("payments_review", "created_at", postgresql_where=text("status = 'review'")),
)

refunds: Final = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("order_id", Text, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("status", Text, nullable=False),
    Column("reference", Text),
    Column("code", Text),
    Column("automatic", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("look_at", _MOMENT, key="next_check_at"),
    Index("refunds_payment_id", "payment_id"),
    Index("refunds_look_at", "next_check_at", postgresql_where=text("look_at IS NOT NULL")),
    Index("refunds_created_at", "created_at", postgresql_using="brin"),
    Index("refunds_failed", "created_at", postgresql_where=text("status = 'failed'")),
)

disputes: Final = Table(
    "disputes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments.id"), nullable=False),
    Column("order_id", Text, nullable=False),
    Column("charge_id", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Index("disputes_payment_id", "payment_id"),
)

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
    Column("recorded_at", _MOMENT, nullable=False, server_default=func.now()),
    Column("sent_at", _MOMENT),
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
    Column("heard_at", _MOMENT, key="received_at", nullable=False, server_default=func.now()),
    Index("inbox_heard_at", "received_at"),
)

deferred_notifications: Final = Table(
    "deferred_notifications",
    metadata,
    Column("id", Text, primary_key=True),
    Column("charge_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("deferred_at", _MOMENT, nullable=False),
    Index("deferred_notifications_deferred_at", "deferred_at"),
)

relay: Final = Table(
    "relay",
    metadata,
    # One row: one relay at a time.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", Text, nullable=False),
    Column("lease_ends", _MOMENT, nullable=False),
    # Until then, a commit that adds events must wake the holder, which has found none.
    Column("sleeps_until", _MOMENT),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    # The call that may proceed.
    Column("holder", Text, nullable=False),
    Column("begun_at", _MOMENT, nullable=False),
    Column("lease_ends", _MOMENT, nullable=False),
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
    Column("complete_until", _MOMENT),
)

declines: Final = Table(
    "declines",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("at", _MOMENT, nullable=False, server_default=func.now()),
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
    Column("at", _MOMENT, nullable=False),
    Column("found_at", _MOMENT, nullable=False),
    Column("seen_at", _MOMENT, nullable=False),
    Column("resolved_at", _MOMENT),
    Index("differences_open", "found_at", postgresql_where=text("resolved_at IS NULL")),
    Index("differences_seen_at", "seen_at"),
)

alerts: Final = Table(
    "alerts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("first_at", _MOMENT, nullable=False),
    Column("last_at", _MOMENT, nullable=False),
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
    Column("began_at", _MOMENT, nullable=False),
    Column("used_at", _MOMENT, nullable=False),
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
    Column("applied_at", _MOMENT),
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
    Column("received_at", _MOMENT, nullable=False, server_default=func.now()),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Index("unusable_notifications_id", "gateway", "notification_id", unique=True),
)
