"""`payments settlement` and `payments ledger`, on gateways in memory."""

import asyncio
import contextlib
import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.persistence.in_memory import InMemoryChargeOwners
from adapters.seen_ids import SeenIdsOnDisk
from application.ports.gateways import ConfiguredGateway, Gateways
from application.use_cases.list_settlement import ListSettlement
from application.use_cases.read_movements import ReadMovements
from domain.identifiers import OrderId
from domain.ledger import component
from domain.movement import MovementKind, Payout
from entrypoints.cli.output_files import cell
from entrypoints.cli.settlement import SETTLEMENT_COLUMNS
from entrypoints.composition import accounting
from entrypoints.composition.accounting import Accounting
from entrypoints.settings import Settings
from tests.entrypoints.test_cli import run
from tests.movements import Balance, a_movement
from tests.world import World

FORMULA = OrderId('=HYPERLINK("http://x.example","pay")')


@define
class Shop:
    """A world in memory, and the gateways that the commands ask."""

    world: World
    others: tuple[ConfiguredGateway, ...] = ()

    def accounting(self) -> Accounting:
        async def no_sleep(_seconds: float) -> None:
            """Do not wait."""

        read = ReadMovements(InMemoryChargeOwners(self.world.database), no_sleep)
        own = ConfiguredGateway(self.world.gateway, "in_memory")
        gateways = Gateways((*self.others, own))
        return Accounting(gateways, read, ListSettlement(read, SeenIdsOnDisk.opened))


@define
class WithoutMovements:
    """A gateway of an adapter that was written before movements existed."""

    name: str = "old"
    livemode: bool = False


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with two paid orders, of which the first one was paid out, and a refund."""
    shop = Shop(World())

    @contextlib.asynccontextmanager
    async def open_accounting(_settings: Settings) -> AsyncIterator[Accounting]:
        yield shop.accounting()

    async def trade() -> None:
        world = shop.world
        await world.create_order(FORMULA)
        await world.pay(order_id=FORMULA)
        world.advance(hours=24)
        await world.create_order("order-2")
        await world.pay(order_id=OrderId("order-2"))
        await world.gateway.refund_externally(world.order("order-2").payments[0].id)

    monkeypatch.setattr(accounting, "open_accounting", open_accounting)
    asyncio.run(trade())
    return shop


UNTIL = ("--until", "2027-01-01")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def without_movements(shop: Shop) -> None:
    shop.others = (ConfiguredGateway(WithoutMovements(), "old"),)  # type: ignore[arg-type]


def test_the_rows_of_a_payout_add_up_to_it_and_the_others_have_none(
    shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "settlement.csv"
    result = run("settlement", "--csv", str(file), *UNTIL)
    assert (result.exit_code, result.output) == (0, "payments: 4 rows\n"), result.output
    assert file.read_text().splitlines()[0] == ",".join(SETTLEMENT_COLUMNS)
    rows = rows_of(file.read_text())
    payout = [row for row in rows if row["payout"]]
    assert [row["type"] for row in payout] == ["charge", "payout"]
    assert sum(int(row["net"]) for row in payout) == 0
    assert {row["payout_date"] for row in payout} == {"2026-11-24"}
    assert {row["type"] for row in rows if not row["payout"]} == {"charge", "refund"}
    assert {row["order"] for row in rows} == {f"'{FORMULA}", "order-2", ""}
    assert all(int(row["amount"]) - int(row["fee"]) == int(row["net"]) for row in rows)
    assert [path.name for path in tmp_path.iterdir()] == ["settlement.csv"]


def test_no_text_of_a_gateway_is_a_formula_in_a_settlement(shop: Shop) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    names: dict[str, Any] = {"word": "=1", "source": "=2", "payout_id": "=3"}
    movement = a_movement(kind=MovementKind.OTHER, created_at=at, **names)
    shop.others = (ConfiguredGateway(Balance([movement], [], "stripe"), "stripe"),)  # type: ignore[arg-type]
    [row] = rows_of(run("settlement", "--csv", "-", "--gateway", "stripe", *UNTIL).stdout)
    assert (row["type"], row["source"], row["payout"]) == ("'=1", "'=2", "'=3")


def test_one_payout_can_be_asked_for(shop: Shop) -> None:
    result = run("settlement", "--csv", "-", "--payout", "po_2026-11-23_usd")
    assert result.exit_code == 0, result.output
    assert [row["type"] for row in rows_of(result.stdout)] == ["charge", "payout"]
    without_movements(shop)  # another gateway, which cannot have it
    again = run("settlement", "--csv", "-", "--payout", "po_2026-11-23_usd")
    assert (again.exit_code, again.stdout) == (0, result.stdout)
    shop.others = ()
    unknown = run("settlement", "--csv", "-", "--payout", "po_1")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == "payments: no gateway has a payout 'po_1'\n"


def test_a_period_leaves_out_the_rest(shop: Shop) -> None:
    result = run("settlement", "--csv", "-", "--since", "2026-11-23T01:00", *UNTIL)
    assert {row["order"] for row in rows_of(result.stdout)} == {"order-2"}


def test_a_payout_whose_rows_do_not_add_up_is_told_and_listed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway_type = shop.world.gateway_type

    class Wrong(gateway_type):  # type: ignore[misc,valid-type]
        async def _payouts(self) -> list[Payout]:
            return [evolve(each, amount=each.amount + 1) for each in await super()._payouts()]

    monkeypatch.setattr(shop.world, "gateway_type", Wrong)
    file = tmp_path / "settlement.csv"
    result = run("settlement", "--csv", str(file), *UNTIL)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "payments: in_memory: payout po_2026-11-23_usd is 9681 usd, and its rows add up to 9680"
    )
    assert len(rows_of(file.read_text())) == 4


@pytest.mark.parametrize("command", [("settlement", "--csv", "-"), ("ledger", "--format", "csv")])
def test_a_gateway_without_movements_is_named_and_the_others_are_listed(
    shop: Shop, command: tuple[str, ...]
) -> None:
    without_movements(shop)
    result = run(*command, *UNTIL)
    assert result.exit_code == 1
    problem = "payments: the gateway old cannot list what moves on its balance"
    assert result.stderr.splitlines()[-1] == problem
    assert rows_of(result.stdout)
    other = run(*command, *UNTIL, "--gateway", "in_memory")
    assert other.exit_code == 0
    alone = run(*command, *UNTIL, "--gateway", "old")
    assert (alone.exit_code, alone.stdout, alone.stderr) == (1, "", f"{problem}\n")


@pytest.mark.parametrize("command", [("settlement", "--csv", "-"), ("ledger", "--format", "csv")])
def test_a_gateway_that_cannot_be_asked_ends_it_without_output(
    shop: Shop, command: tuple[str, ...]
) -> None:
    shop.world.faults.add("list_records", GatewayFaultKind.FORBIDDEN)
    result = run(*command, *UNTIL)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "payments: in_memory cannot be asked: the gateway refuses the key: 403;"
        " nothing was written\n"
    )


def test_a_file_stays_as_it_is_if_a_gateway_cannot_be_asked(shop: Shop, tmp_path: Path) -> None:
    shop.world.faults.add("list_records", GatewayFaultKind.FORBIDDEN)
    file = tmp_path / "settlement.csv"
    file.write_text("of last month")
    assert run("settlement", "--csv", str(file)).exit_code == 1
    assert file.read_text() == "of last month"
    assert [path.name for path in tmp_path.iterdir()] == ["settlement.csv"]


def test_the_ledger_of_a_gateway_has_its_balance(shop: Shop) -> None:
    result = run("ledger", "--format", "csv", *UNTIL)
    assert (result.exit_code, result.stderr) == (0, "payments: 4 transactions\n")
    rows = rows_of(result.stdout)
    own = f"Assets:{component('in_memory')}:USD"
    balance = sum(int(row["amount"]) for row in rows if row["account"] == own)
    # The second charge was refunded without its fee; the first one is in the bank.
    assert balance == -320
    assert {row["account"] for row in rows} == {
        own,
        "Assets:Bank:USD",
        "Expenses:Fees",
        "Income:Orders",
        "Liabilities:Refunds",
    }
    beancount = run("ledger", "--format", "beancount", *UNTIL).stdout
    assert f'  {own}  96.80 USD\n    order: "=HYPERLINK' in beancount


def test_mistakes_are_said_in_one_line(shop: Shop, tmp_path: Path) -> None:
    nowhere = run("settlement", "--csv", str(tmp_path / "missing" / "file.csv"))
    assert nowhere.exit_code == 1
    assert "cannot be written: No such file or directory" in nowhere.stderr
    unknown = run("ledger", "--format", "csv", "--gateway", "paypal")
    assert unknown.stderr == "payments: there is no gateway 'paypal'; there is in_memory\n"
    reversed_ = run("ledger", "--format", "csv", "--since", "2026-02-01", "--until", "2026-01-01")
    assert reversed_.stderr == "payments: --until: the period ends before it begins\n"
    never = run("settlement", "--csv", "-", "--since", "2026-13-01")
    assert never.stderr.startswith("payments: --since: '2026-13-01' is neither 3d, 12h, 30m or 2w")
    both = run("settlement", "--csv", "-", "--payout", "po_1", "--since", "3d")
    assert both.stderr.startswith("payments: --payout cannot be combined")
    assert {each.exit_code for each in (unknown, reversed_, never, both)} == {1}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "＝1", "'=1"])
def test_a_cell_is_no_formula_and_can_be_restored(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(text).removeprefix("'") == text


@pytest.mark.parametrize("text", ["ch_1", "order-1", "0193", "a=b", ""])
def test_an_id_is_written_as_it_is(text: str) -> None:
    assert cell(text) == text
    assert cell(None) == ""
