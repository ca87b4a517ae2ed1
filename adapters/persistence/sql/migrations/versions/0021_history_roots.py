"""Add the roots over all histories, the tree below them, and the function that records a root.

docs/audit.md describes the tree. The function runs as one statement, so a root and its tree are
committed together, and a reader sees those of one root.

Revision ID: 0021
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE history_leaves (
        number bigint PRIMARY KEY,
        order_id text NOT NULL CONSTRAINT history_leaves_order_id UNIQUE,
        seq bigint NOT NULL,
        hash bytea NOT NULL
    )
    """,
    """
    CREATE TABLE history_nodes (
        level integer NOT NULL,
        position bigint NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (level, position)
    )
    """,
    """
    CREATE TABLE history_roots (
        id bigint PRIMARY KEY,
        at timestamptz NOT NULL,
        root bytea NOT NULL,
        orders bigint NOT NULL,
        complete_until bigint NOT NULL,
        is_complete boolean NOT NULL
    )
    """,
    r"""
    CREATE FUNCTION record_history_root(most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        -- Every transaction before this one has ended; one that has not may still add entries.
        ended bigint := (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint;
        begun bigint := (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint;
        newest history_roots;
        since bigint;
        until bigint;
        is_moved boolean;
        dirty bigint[];
        tree_level integer := 0;
        leaves bigint;
    BEGIN
        -- One at a time: others skip this root.
        IF NOT pg_try_advisory_xact_lock('history_roots'::regclass::oid::integer, 0) THEN
            RETURN NULL;
        END IF;
        SELECT * INTO newest FROM history_roots ORDER BY id DESC LIMIT 1;
        since := coalesce(newest.complete_until, 0);
        -- A dump was loaded into another server, whose transactions have lower numbers. What its
        -- roots contain has lower numbers than `since`, and what came after it than `begun`.
        is_moved := since > begun OR newest.id IS NULL AND EXISTS (
            SELECT FROM order_history WHERE transaction >= begun
        );
        IF is_moved THEN
            until := 9223372036854775807;
        ELSE
            SELECT transaction INTO until FROM order_history
                WHERE transaction >= since AND transaction < begun
                ORDER BY transaction OFFSET most LIMIT 1;
            -- A transaction is taken in as a whole, however many entries it has.
            until := CASE WHEN until IS NULL THEN begun ELSE greatest(until, 1 + (
                SELECT min(transaction) FROM order_history WHERE transaction >= since
            )) END;
        END IF;

        leaves := coalesce((SELECT max(number) + 1 FROM history_leaves), 0);
        WITH changed AS MATERIALIZED (
            SELECT DISTINCT ON (order_id) order_id, seq, hash FROM (
                SELECT order_id, seq, hash FROM order_history
                WHERE transaction >= since AND transaction < until
                UNION ALL
                SELECT order_id, seq, hash FROM order_history
                WHERE is_moved AND transaction < begun
            ) AS entries ORDER BY order_id, seq DESC
        ), moved AS (
            UPDATE history_leaves AS leaf SET seq = changed.seq, hash = changed.hash FROM changed
            WHERE leaf.order_id = changed.order_id AND leaf.seq < changed.seq
            RETURNING leaf.number
        ), added AS (
            INSERT INTO history_leaves (number, order_id, seq, hash)
            SELECT leaves + row_number() OVER (ORDER BY order_id) - 1, order_id, seq, hash
            FROM changed WHERE NOT EXISTS (
                SELECT FROM history_leaves AS leaf WHERE leaf.order_id = changed.order_id
            )
            RETURNING number
        )
        SELECT array_agg(DISTINCT number / 16) INTO dirty
        FROM (SELECT number FROM moved UNION ALL SELECT number FROM added) AS changes;
        leaves := coalesce((SELECT max(number) + 1 FROM history_leaves), 0);
        IF leaves = 0 THEN
            RETURN NULL;
        END IF;

        WHILE dirty IS NOT NULL LOOP
            tree_level := tree_level + 1;
            INSERT INTO history_nodes (level, position, hash)
            SELECT tree_level, parent, sha256(
                '\x01'::bytea || string_agg(child.hash, ''::bytea ORDER BY child.position)
            )
            FROM unnest(dirty) AS parent CROSS JOIN LATERAL (
                SELECT number AS position, sha256(
                    '\x00'::bytea || convert_to(order_id, 'UTF8') || '\x00'::bytea
                    || convert_to(seq::text, 'UTF8') || '\x00'::bytea || hash
                ) AS hash
                FROM history_leaves
                WHERE tree_level = 1 AND number BETWEEN parent * 16 AND parent * 16 + 15
                UNION ALL
                SELECT node.position, node.hash FROM history_nodes AS node
                WHERE node.level = tree_level - 1
                    AND node.position BETWEEN parent * 16 AND parent * 16 + 15
            ) AS child
            GROUP BY parent
            ON CONFLICT (level, position) DO UPDATE SET hash = excluded.hash;
            EXIT WHEN (leaves - 1) >> (4 * tree_level) = 0;
            dirty := ARRAY(SELECT DISTINCT each / 16 FROM unnest(dirty) AS each);
        END LOOP;

        INSERT INTO history_roots (id, at, root, orders, complete_until, is_complete)
        SELECT coalesce(newest.id, 0) + 1, clock_timestamp(), hash, leaves,
            least(until, ended), until >= begun
        FROM history_nodes ORDER BY level DESC LIMIT 1;
        RETURN coalesce(newest.id, 0) + 1;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
