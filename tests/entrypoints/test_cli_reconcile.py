"""`payments reconcile`: its formats, exit codes and errors."""

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.application import UseCases
from application.ports.differences import Difference, DifferenceKind
from domain.identifiers import OrderId
from domain.payment import Payment
from entrypoints.cli.reconcile import _write_csv
from entrypoints.cli.running import INTERRUPTED
from entrypoints.composition import operator
from entrypoints.settings import Settings
from tests.builders import ORDER
from tests.entrypoints.test_cli import error_line, run
from tests.world import World


async def no_pause(_seconds: float) -> None:
    """Go on at once."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in memory, which the command uses, that has lost a payment of $100."""
    world = World(time=datetime.now(UTC), gateway_type=InMemoryGateway)

    @contextlib.asynccontextmanager
    async def open_use_cases(_settings: Settings) -> AsyncIterator[UseCases]:
        use_cases = world.use_cases()
        yield evolve(use_cases, reconcile=evolve(use_cases.reconcile, sleep=no_pause))

    async def pay() -> None:
        await world.create_order()
        await world.pay()

    monkeypatch.setattr(operator, "open_use_cases", open_use_cases)
    asyncio.run(pay())
    return world


def lose(world: World) -> Payment:
    """Lose the payment, as by a restored backup."""
    revision, order = world.database.orders[ORDER]
    world.database.orders[ORDER] = (revision, evolve(order, payments=()))
    world.database.order_of.clear()
    world.database.outbox.clear()
    return order.payments[0]


def interrupted(_settings: Settings) -> NoReturn:
    """Stop a command as Ctrl-C does."""
    raise KeyboardInterrupt


def as_json(*arguments: str) -> tuple[int, Any]:
    result = run("reconcile", "--json", *arguments)
    return result.exit_code, json.loads(result.output)


def test_books_that_agree_exit_with_0(world: World) -> None:
    assert as_json() == (0, {"compared": 1, "foreign": 0, "differences": []})
    result = run("reconcile")
    assert result.output == "compared 1, of others 0, differences 0, repaired 0\n"


def test_a_difference_is_reported_then_repaired_then_gone(world: World, tmp_path: Path) -> None:
    payment, file = lose(world), tmp_path / "differences.csv"
    difference = {
        "kind": "lost_charge",
        "gateway": "in_memory",
        "orderId": ORDER,
        "paymentId": payment.id,
        "chargeId": payment.charge_id,
        "ours": "no payment",
        "theirs": "10000 usd",
        "repaired": False,
    }
    found = {"compared": 1, "foreign": 0, "differences": [difference]}
    assert as_json() == (1, found)
    repaired = {**found, "differences": [{**difference, "repaired": True}]}
    assert as_json("--repair", "--csv", str(file)) == (0, repaired)
    assert as_json("--repair") == (0, {**found, "differences": []})
    header, line = file.read_text().splitlines()
    assert header == "kind,gateway,order,payment,charge,ours,theirs,repaired,reason"
    assert line == (
        f"lost_charge,in_memory,{ORDER},{payment.id},{payment.charge_id},no payment,10000 usd,true,"
    )


def test_the_csv_can_be_standard_output(world: World) -> None:
    result = run("reconcile", "--csv", "-")
    assert result.output == "kind,gateway,order,payment,charge,ours,theirs,repaired,reason\n"


def test_an_order_id_like_a_formula_is_marked_in_the_csv(world: World, tmp_path: Path) -> None:
    lose(world)
    formula, file = OrderId("=HYPERLINK(0)"), tmp_path / "differences.csv"
    [(payment_id, record)] = world.ledger.records.items()
    [attempt] = record.attempts
    assert attempt.claimed is not None
    claimed = evolve(attempt.claimed, order_id=formula)
    attempt = evolve(attempt, order_id=formula, claimed=claimed)
    world.ledger.records[payment_id] = evolve(record, attempts=(attempt,))
    run("reconcile", "--csv", str(file))
    assert ",'=HYPERLINK(0)," in file.read_text()


def test_what_a_gateway_says_is_no_formula_in_the_csv() -> None:
    file, at = io.StringIO(), datetime.now(UTC)
    said: dict[str, Any] = {"ours": "=1", "theirs": "=2", "reason": "=3"}
    _write_csv(file, [Difference(DifferenceKind.DISPUTE, "stripe", False, "dp_1", at, **said)])
    [row] = csv.DictReader(io.StringIO(file.getvalue()))
    assert {name: row[name] for name in said} == {name: f"'{text}" for name, text in said.items()}


def test_a_file_is_replaced_at_the_end_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "differences.csv"
    file.write_text("the last one")
    monkeypatch.setattr(operator, "open_use_cases", interrupted)
    assert run("reconcile", "--csv", str(file)).exit_code == INTERRUPTED
    assert file.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_period_is_given_by_two_moments(world: World) -> None:
    lose(world)
    noon = world.now()
    later = (noon + timedelta(hours=2)).isoformat()
    before = (noon - timedelta(hours=2)).replace(tzinfo=None).isoformat()
    assert as_json("--since", before, "--until", noon.isoformat())[1]["compared"] == 0
    assert as_json("--since", before, "--until", later)[1]["compared"] == 1


def test_a_gateway_that_cannot_be_asked_is_one_line(world: World) -> None:
    for _ in range(3):
        world.faults.add("list_records", GatewayFaultKind.UNREACHABLE)
    line = error_line(run("reconcile", "--json"))
    assert line.startswith("payments: in_memory could not be reconciled after ")
    assert line.endswith(": no connection to the gateway")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("--since yesterday", "--since: 'yesterday' is neither 3d, 12h, 30m or 2w nor"),
        ("--since 99999999999d", "--since: '99999999999d' is neither"),
        ("--since 3x", "--since: '3x' is neither"),
        ("--until 2026-13-01", "--until: '2026-13-01' is neither"),
        ("--since 1d --until 2d", "--until: the period ends before it begins"),
        ("--since 2999-01-01", "--until: the period ends before it begins"),
        ("--csv /nowhere/file.csv", "/nowhere/file.csv cannot be written: No such file or"),
        ("--json --csv -", "--json cannot be combined with --csv -"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(arguments: str, problem: str) -> None:
    assert error_line(run("reconcile", *arguments.split())).startswith(f"payments: {problem}")
