"""The tables of orders: their payments, refunds and disputes, and their histories.

Some columns have a key that differs from their name in the database: renaming such a column would
break the processes of release 1.0.0rc1 that run during a migration. Python code uses the key, and
SQL text uses the name.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from adapters.persistence.sql.metadata import MOMENT, metadata

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
    Column("expires_at", MOMENT),
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
    Column("at", MOMENT),
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
    Column("at", MOMENT, nullable=False),
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
    Column("created_at", MOMENT, nullable=False),
    Column("status", Text, nullable=False),
    Column("charge_id", Text),
    # What the gateway captured, perhaps in another currency than requested.
    Column("taken", BigInteger, key="captured_amount"),
    Column("taken_currency", Text, key="captured_currency"),
    Column("reference", Text),
    Column("code", Text),
    Column("look_at", MOMENT, key="next_check_at"),
    Column("capture_mode", Text, nullable=False, server_default="automatic"),
    Column("authorized_until", MOMENT),
    # How much of the authorized amount is being captured, in its currency.
    Column("requested_capture", BigInteger),
    # What a newer shipment names while a capture is in flight.
    Column("next_capture", BigInteger),
    Column("capture_attempt", Integer, nullable=False, server_default=text("0")),
    Column("decided_at", MOMENT),
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
    Column("created_at", MOMENT, nullable=False),
    Column("status", Text, nullable=False),
    Column("reference", Text),
    Column("code", Text),
    Column("automatic", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("look_at", MOMENT, key="next_check_at"),
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
