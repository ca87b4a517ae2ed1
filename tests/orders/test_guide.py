"""The guide is correct: its code is the example, which passes the suite and consumes from NATS."""

import asyncio
import re
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import nats
import pytest

from payments_kit.orders.events import SUBJECTS
from payments_kit.orders.samples import PRICE, SamplePayment
from tests.conformance.shell import EXAMPLES, ROOT, run

GUIDE = (ROOT / "docs" / "orders-side.md").read_text()
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
# An event arrives within milliseconds; two test processes may share two busy cores.
MAX_SECONDS = 120.0


def test_its_code_is_the_example() -> None:
    files = [block for language, block in BLOCKS if language == "python"]
    for block in files:
        name, _, code = block.removeprefix("# ").partition("\n")
        assert code == (EXAMPLES / name).read_text()
    assert len(files) == 3


def test_the_example_passes_the_suite_as_the_guide_shows(tmp_path: Path) -> None:
    [shown] = [block for language, block in BLOCKS if language == "console"]
    command, *lines = shown.removeprefix("$ ").splitlines()
    done = run(f"{command} -p no:cacheprovider", tmp_path, path=EXAMPLES)
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line in lines] == lines


def test_what_a_harness_cannot_observe_is_reported_as_not_checked(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "ticketshop", tmp_path / "ticketshop")
    kit = (EXAMPLES / "ticketshop_kit.py").read_text()
    kit = kit.replace("async def crash_before_ack", "async def _crash_before_ack")
    kit = kit.replace("self.orders.cancel(order_id)", "pass")
    (tmp_path / "ticketshop_kit.py").write_text(kit)
    chosen = "-k 'crash or never_completed' --tb=no -p no:cacheprovider"
    done = run(f"pytest --orders ticketshop_kit:make_orders {chosen}", tmp_path)
    assert done.returncode == 1, done.stdout
    assert "BROKEN     a cancelled order is never completed\n" in done.stdout
    assert (
        "not checked: the harness has no crash_before_ack\n"
        "           a payment that is delivered again after a crash changes nothing"
    ) in done.stdout
    assert "0 kept" not in done.stdout
    assert "50 not checked" in done.stdout


def test_a_function_that_makes_no_harness_is_explained(tmp_path: Path) -> None:
    (tmp_path / "kit.py").write_text("def make_orders(environment):\n    return object()\n")
    done = run("pytest --orders kit:make_orders", tmp_path)
    assert done.returncode == 4
    lines = done.stdout.strip().splitlines()
    assert lines[0] == "ERROR: --orders kit:make_orders: the harness has no"
    assert [line.split()[0] for line in lines[1:]] == [
        *("create_order", "cancel_order", "deliver", "status")
    ]


async def test_its_consumer_applies_each_event_once(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    from ticketshop.consumer import STREAM, consume
    from ticketshop.orders import TABLES, Orders

    client = await nats.connect(nats_url)
    jetstream = client.jetstream(timeout=MAX_SECONDS)
    await jetstream.add_stream(name=STREAM, subjects=list(SUBJECTS))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(TABLES)
        orders = Orders(database)
        for order_id in ("paid", "cancelled"):
            orders.create(order_id, Decimal(PRICE))
        orders.cancel("cancelled")
        for message in (
            SamplePayment("cancelled").created(),
            *(SamplePayment("paid", "p1").created(), SamplePayment("paid", "p1").created()),
            SamplePayment("unknown").created(),
            SamplePayment("paid", "p1").refunded(500),
        ):
            await jetstream.publish(message.subject, message.data)
        consumer = asyncio.create_task(consume(jetstream, orders))
        async with asyncio.timeout(MAX_SECONDS):
            while len(_all(database, "SELECT text FROM reports")) < 3:  # noqa: ASYNC110 - a table has no event
                await asyncio.sleep(0.02)
        consumer.cancel()
        await asyncio.gather(consumer, return_exceptions=True)
        statuses = dict(_all(database, "SELECT id, status FROM orders"))
        assert statuses == {"paid": "complete", "cancelled": "cancelled"}
        assert _all(database, "SELECT order_id FROM tickets_to_send") == [("paid",)]
    await client.close()


def _all(database: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query).fetchall()
