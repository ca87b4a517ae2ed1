"""The first schema.

Revision ID: 0001
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # A payment updates its order's row twice; the free space avoids new index entries for that.
    """
    CREATE TABLE orders (
        id text PRIMARY KEY CHECK (length(id) <= 255),
        revision bigint NOT NULL CHECK (revision > 0),
        version bigint NOT NULL,
        status text NOT NULL CHECK (status IN ('created', 'complete', 'cancelled')),
        terms_version bigint,
        user_id text CHECK (length(user_id) <= 255),
        price bigint CHECK (price >= 0),
        currency text CHECK (currency ~ '^[a-z]{3}$'),
        expires_at timestamptz,
        CHECK (num_nulls(terms_version, user_id, price, currency) IN (0, 4))
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE payments (
        id text PRIMARY KEY CHECK (length(id) <= 255),
        order_id text NOT NULL REFERENCES orders,
        user_id text NOT NULL CHECK (length(user_id) <= 255),
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
        gateway text NOT NULL,
        livemode boolean NOT NULL,
        created_at timestamptz NOT NULL,
        status text NOT NULL CHECK (
            status IN (
                'processing', 'requires_action', 'succeeded', 'failed', 'abandoned', 'unwanted',
                'review'
            )
        ),
        charge_id text,
        taken bigint CHECK (taken >= 0),
        taken_currency text CHECK (taken_currency ~ '^[a-z]{3}$'),
        reference text,
        code text,
        look_at timestamptz,
        CHECK (num_nulls(charge_id, taken, taken_currency) IN (0, 3)),
        CHECK (charge_id IS NOT NULL OR status NOT IN ('succeeded', 'unwanted', 'review'))
    )
    """,
    "CREATE INDEX payments_order_id ON payments (order_id)",
    """
    CREATE UNIQUE INDEX payments_one_live_an_order ON payments (order_id)
        WHERE status IN ('processing', 'requires_action', 'succeeded')
    """,
    # A notification about an external refund or a dispute contains only the charge.
    "CREATE INDEX payments_charge_id ON payments (charge_id) WHERE charge_id IS NOT NULL",
    "CREATE INDEX payments_look_at ON payments (look_at) WHERE look_at IS NOT NULL",
    "CREATE INDEX payments_review ON payments (created_at) WHERE status = 'review'",
    """
    CREATE TABLE refunds (
        id text PRIMARY KEY CHECK (length(id) <= 300),
        payment_id text NOT NULL REFERENCES payments,
        order_id text NOT NULL,
        charge_id text NOT NULL,
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
        reason text NOT NULL,
        created_at timestamptz NOT NULL,
        status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
        reference text,
        code text,
        automatic boolean NOT NULL,
        attempt integer NOT NULL CHECK (attempt >= 0),
        look_at timestamptz
    )
    """,
    "CREATE INDEX refunds_payment_id ON refunds (payment_id)",
    "CREATE INDEX refunds_look_at ON refunds (look_at) WHERE look_at IS NOT NULL",
    "CREATE INDEX refunds_failed ON refunds (created_at) WHERE status = 'failed'",
    """
    CREATE TABLE disputes (
        id text PRIMARY KEY CHECK (length(id) <= 255),
        payment_id text NOT NULL REFERENCES payments,
        order_id text NOT NULL,
        charge_id text NOT NULL,
        amount bigint NOT NULL CHECK (amount >= 0),
        currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
        reason text NOT NULL,
        status text NOT NULL CHECK (status IN ('open', 'won', 'lost'))
    )
    """,
    "CREATE INDEX disputes_payment_id ON disputes (payment_id)",
    """
    CREATE TABLE outbox (
        position bigserial PRIMARY KEY,
        id text NOT NULL CONSTRAINT outbox_id UNIQUE,
        order_id text NOT NULL,
        subject text NOT NULL,
        data jsonb NOT NULL,
        traceparent text,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        sent_at timestamptz,
        parked text
    )
    """,
    """
    CREATE INDEX outbox_waiting ON outbox (position)
        WHERE sent_at IS NULL AND parked IS NULL
    """,
    "CREATE INDEX outbox_parked ON outbox (position) WHERE parked IS NOT NULL",
    """
    CREATE TABLE inbox (
        id text PRIMARY KEY,
        heard_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX inbox_heard_at ON inbox (heard_at)",
    # Notifications about a charge that was unknown when they were received.
    """
    CREATE TABLE kept_notices (
        id text PRIMARY KEY,
        charge_id text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('refund', 'dispute')),
        data jsonb NOT NULL,
        since timestamptz NOT NULL
    )
    """,
    "CREATE INDEX kept_notices_since ON kept_notices (since)",
    """
    CREATE TABLE relay (
        id smallint PRIMARY KEY CHECK (id = 1),
        holder text NOT NULL,
        lease_ends timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE answers (
        user_id text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        holder text NOT NULL,
        begun_at timestamptz NOT NULL,
        lease_ends timestamptz NOT NULL,
        code integer,
        content bytea,
        PRIMARY KEY (user_id, key),
        CHECK (num_nulls(code, content) IN (0, 2))
    )
    """,
    "CREATE INDEX answers_begun_at ON answers (begun_at)",
    """
    CREATE TABLE declines (
        id bigserial PRIMARY KEY,
        source text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX declines_source_at ON declines (source, at)",
    "CREATE INDEX declines_at ON declines (at)",
    # The one statement of a commit calls this function at its end. If the guards allowed fewer rows
    # than it had to write, the statement fails and everything that it wrote is rolled back.
    """
    CREATE FUNCTION expect_written(written bigint, expected bigint) RETURNS boolean
    LANGUAGE plpgsql AS $$
    BEGIN
        IF written <> expected THEN
            RAISE EXCEPTION 'somebody else has written meanwhile'
                USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN true;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
