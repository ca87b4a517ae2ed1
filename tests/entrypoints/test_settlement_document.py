"""The examples of docs/settlement.md are what the commands print."""

import contextlib
import re
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.seen_ids import SeenIdsOnDisk
from application.ports.gateways import ConfiguredGateway, Gateways
from application.use_cases.list_settlement import ListSettlement
from application.use_cases.read_movements import ReadMovements
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.ledger import Owner
from domain.money import Currency
from domain.movement import Movement, MovementKind, Payout
from domain.signed_amount import SignedAmount
from entrypoints.composition import accounting
from entrypoints.composition.accounting import Accounting
from entrypoints.settings import Settings
from tests.entrypoints.test_cli import run
from tests.movements import Balance, a_movement

DOCUMENT = Path(__file__).parent.parent.parent / "docs/settlement.md"
USD, EUR = Currency("usd"), Currency("eur")


def moved(number: int, kind: MovementKind, amount: int, source: str, **more: Any) -> Movement:
    at = datetime(2026, 3, number, 9, tzinfo=UTC)
    made: dict[str, Any] = {"fee": 0, "charge_id": None, "created_at": at}
    made |= {"id": f"txn_{number}", "kind": kind, "amount": amount, "source": source, **more}
    return a_movement(**made)


PAYOUT = Payout(
    "po_1", USD, 2056, datetime(2026, 3, 4, 9, tzinfo=UTC), date(2026, 3, 5), is_itemized=True
)
CONVERTED = {"fee": 66, "charge_id": ChargeId("ch_2"), "original": SignedAmount(1000, EUR)}
CONTAINED = [
    moved(1, MovementKind.CHARGE, 1999, "ch_1", fee=88, charge_id=ChargeId("ch_1")),
    moved(2, MovementKind.CHARGE, 1234, "ch_2", **CONVERTED),
    moved(3, MovementKind.REFUND, -1023, "re_1", charge_id=ChargeId("ch_1")),
    moved(4, MovementKind.PAYOUT, -2056, "po_1", payout_id="po_1"),
]
WAITING = moved(5, MovementKind.CHARGE, 700, "ch_9", fee=50, charge_id=ChargeId("ch_9"))


class ExampleOwners:
    """The payments of two charges; the third is of another application."""

    async def find(
        self, _gateway: str, _livemode: bool, charge_ids: Collection[ChargeId]
    ) -> Mapping[ChargeId, Owner]:
        ours = {
            ChargeId(f"ch_{number}"): Owner(
                OrderId(f"order-{number}"), PaymentId(f"payment-{number}")
            )
            for number in (1, 2)
        }
        return {each: ours[each] for each in charge_ids if each in ours}


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop with one payout of Stripe's, and a charge that is not paid out."""
    balance = Balance([*CONTAINED, WAITING], [PAYOUT], "stripe", contained={"po_1": CONTAINED})
    gateways = Gateways((ConfiguredGateway(balance, "stripe"),))  # type: ignore[arg-type]
    read = ReadMovements(ExampleOwners())

    @contextlib.asynccontextmanager
    async def open_accounting(_settings: Settings) -> AsyncIterator[Accounting]:
        yield Accounting(gateways, read, ListSettlement(read, SeenIdsOnDisk.opened))

    monkeypatch.setattr(accounting, "open_accounting", open_accounting)


def examples() -> dict[str, str]:
    """Return what the document says that each command prints."""
    return dict(re.findall(r"```console\n\$ payments (.+)\n((?:.*\n)*?)```", DOCUMENT.read_text()))


@pytest.mark.parametrize("command", examples())
def test_an_example_is_what_the_command_prints(command: str) -> None:
    result = run(*command.split())
    assert result.exit_code == 0, result.output
    assert result.stdout == examples()[command]


def test_both_commands_have_examples() -> None:
    assert {each.split()[0] for each in examples()} == {"settlement", "ledger"}
