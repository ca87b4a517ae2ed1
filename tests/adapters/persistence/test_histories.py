"""Histories beside processes that keep none, and what the service's role may do to them."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from domain.audit_file import BrokenLine, line_of, verify
from domain.history import CREATED_AGAIN, STATE_FOUND
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    an_order,
    cancelled_event,
    charged,
    claimed,
    declined,
)
from tests.chains import assert_chain, replayed
from tests.contracts.order_histories import entries_of, state_of
from tests.contracts.storages import storage_on

DOCUMENT = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()


async def execute(database: Database, statement: str) -> None:
    await database.run(Statement.of(text(statement)))


async def test_an_order_from_before_gets_its_state_as_the_first_entry(sql: Database) -> None:
    storage = storage_on(sql)
    await storage.save(claimed())
    await execute(sql, "DELETE FROM order_history")
    await execute(sql, "UPDATE orders SET (history_seq, history_hash) = (NULL, NULL)")
    await storage.save(claimed())
    assert await storage.histories.read(ORDER) == []
    await storage.save(claimed().settle(PAYMENT, charged(), NOW))
    first, second = await entries_of(storage)
    assert (first.who, first.why) == ("service", STATE_FOUND)
    assert replayed([first]) == state_of(claimed())
    assert second.why == "payment succeeded, order complete"


@pytest.mark.parametrize("is_batch", [False, True])
async def test_a_change_by_an_older_process_is_shown_as_the_state_that_was_found(
    sql: Database, is_batch: bool
) -> None:
    storage = storage_on(sql)
    await storage.save(an_order())
    older = "UPDATE orders SET (status, revision) = ('complete', revision + 1)"
    await execute(sql, older)
    changed = an_order().complete().apply(cancelled_event(version=3), NOW)
    others = [an_order(replica=cancelled_event("order-2"))] if is_batch else []
    await storage.save(changed, *others)
    entries = await entries_of(storage)
    assert [entry.why for entry in entries] == ["order created", STATE_FOUND, "order cancelled"]
    await storage.save(changed.apply(cancelled_event(version=4), NOW))
    assert len(await entries_of(storage)) == 4


async def test_entries_from_before_they_had_one_column_are_read_and_continued(
    sql: Database,
) -> None:
    storage = storage_on(sql)
    await storage.save(an_order())
    await storage.save(claimed())
    entries = await entries_of(storage)
    await execute(
        sql,
        """
        UPDATE order_history SET
            at = CAST(CAST(content AS jsonb) ->> 'at' AS timestamptz),
            who = CAST(content AS jsonb) ->> 'who', why = CAST(content AS jsonb) ->> 'why',
            change = substring(content FROM '"change":(.+),"prev":"'), content = NULL
        """,
    )
    assert await entries_of(storage) == entries
    assert await storage.histories.read(ORDER, after=1) == entries[1:]
    at = entries[1].at
    assert list(await storage.histories.changed(at, at + timedelta.resolution)) == [ORDER]
    assert not await storage.histories.changed(at + timedelta.resolution, at + timedelta(hours=1))
    await storage.save(claimed().settle(PAYMENT, charged(), NOW))
    assert (await entries_of(storage))[:2] == entries


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "{",
        '{"at": 1}',
        '{"at": "x", "change": {}, "prev": "", "who": "", "why": ""}',
    ],
)
async def test_an_entry_that_is_none_any_more_is_shown_and_not_intact(
    sql: Database, content: str
) -> None:
    storage = storage_on(sql)
    await storage.save(an_order())
    await execute(sql, f"UPDATE order_history SET content = '{content}'")
    [entry] = await storage.histories.read(ORDER)
    assert (entry.why, entry.change, entry.is_intact) == ("unreadable", "{}", False)
    with pytest.raises(BrokenLine) as broken:
        verify([line_of(entry).encode()])
    assert broken.value.number == 1


async def test_the_query_of_the_document_finds_a_changed_entry(sql: Database) -> None:
    [query] = re.findall(r"```sql\n(.+?)```", DOCUMENT, re.DOTALL)
    storage = storage_on(sql)
    await storage.save(an_order())
    await storage.save(claimed())
    assert await sql.run(Statement.of(text(query))) == []
    await execute(sql, "UPDATE order_history SET content = content || ' ' WHERE seq = 2")
    assert [tuple(row) for row in await sql.run(Statement.of(text(query)))] == [(ORDER, 2)]


async def test_a_changed_entry_is_read_as_it_is_stored(sql: Database) -> None:
    storage = storage_on(sql)
    await storage.save(an_order())
    await storage.save(claimed())
    changed = """replace(content, '"who":"service"', '"who":"nobody"')"""
    await execute(sql, f"UPDATE order_history SET content = {changed} WHERE seq = 1")
    first, second = await storage.histories.read(ORDER)
    assert (first.who, first.is_intact, second.is_intact) == ("nobody", False, True)
    with pytest.raises(AssertionError):
        assert_chain([first, second])


@pytest.mark.parametrize("is_batch", [False, True])
async def test_an_order_that_was_deleted_continues_its_history_when_it_is_created_again(
    sql: Database, is_batch: bool
) -> None:
    storage = storage_on(sql)
    await storage.save(claimed())
    await storage.save(claimed().settle(PAYMENT, charged(), NOW))
    old = await storage.histories.read(ORDER)
    await execute(sql, "DELETE FROM payments")
    await execute(sql, "DELETE FROM orders")
    others = [an_order(replica=cancelled_event("order-2"))] if is_batch else []
    await storage.save(an_order(), *others)
    await storage.save(claimed())
    entries = await entries_of(storage)
    assert entries[:2] == old
    assert [entry.why for entry in entries[2:]] == [CREATED_AGAIN, "payment processing"]


@pytest.mark.parametrize("is_batch", [False, True])
async def test_an_order_that_was_restored_without_its_history_continues_it(
    sql: Database, is_batch: bool
) -> None:
    storage = storage_on(sql)
    await storage.save(an_order())
    await execute(sql, "CREATE TABLE backup AS SELECT * FROM orders")
    for order in (claimed(), claimed().settle(PAYMENT, declined(), NOW)):
        await storage.save(order)
    old = await storage.histories.read(ORDER)
    await execute(sql, "DELETE FROM payments")
    await execute(sql, "DELETE FROM orders")
    await execute(sql, "INSERT INTO orders SELECT * FROM backup")
    await execute(sql, "DROP TABLE backup")
    others = [an_order(replica=cancelled_event("order-2"))] if is_batch else []
    await storage.save(claimed(), *others)
    entries = await entries_of(storage)
    assert entries[:3] == old
    assert [entry.why for entry in entries[3:]] == [STATE_FOUND, "payment processing"]
    await storage.save(claimed().settle(PAYMENT, charged(), NOW))
    assert len(await entries_of(storage)) == 6
