"""The command `payments settlement`: what the gateways have paid out, as CSV."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from entrypoints.cli.accounting import (
    Chosen,
    NothingWritten,
    Progress,
    chosen,
    gateway_option,
    period_of,
    run_or_fail,
)
from entrypoints.cli.output_files import CsvFile, cell, written
from entrypoints.cli.period import since_option, until_option
from entrypoints.cli.running import fail, settings_or_exit

if TYPE_CHECKING:
    from application.use_cases.list_settlement import (
        PayoutMismatch,
        PayoutNotItemized,
        SettlementRow,
    )
    from domain.movement import Payout
    from entrypoints.composition.accounting import Accounting

SETTLEMENT_COLUMNS: Final = (
    *("gateway", "payout", "payout_date", "type", "source", "order", "payment", "currency"),
    *("amount", "fee", "net", "created"),
)


@click.command()
@click.option(
    "--csv", "target", required=True, metavar="FILE", help="The file to write, or - for stdout."
)
@since_option("everything")
@until_option
@click.option("--payout", "payout_id", metavar="ID", help="Only what this payout contains.")
@gateway_option
def settlement(
    target: str,
    since: datetime | None,
    until: datetime | None,
    payout_id: str | None,
    gateway: str | None,
) -> None:
    """List payouts with fees and orders.

    One row for each movement of the gateways' balances: of the payouts of a period, all that they
    contain, and whatever else moved in it. The rows of each payout are added up and compared with
    its amount. Exits with status 1 if they differ, or if a gateway cannot list movements. The file
    is written whole or not at all. docs/settlement.md describes the columns.
    """
    if payout_id is not None and (since or until):
        fail("--payout cannot be combined with --since or --until")
    period = period_of(since, until)
    settings = settings_or_exit(http=False)

    async def working() -> list[str]:
        from entrypoints.composition.accounting import open_accounting

        async with open_accounting(settings) as accounting:
            picked = chosen(accounting.gateways, gateway)
            if payout_id is None:
                rows = picked.each(lambda each: accounting.list_settlement.of_period(each, period))
            else:
                rows = _of_payout(accounting, picked, payout_id)
            return await _write(target, rows, picked)

    run_or_fail(working())


async def _write(
    target: str,
    rows: "AsyncIterator[SettlementRow | PayoutMismatch | PayoutNotItemized]",
    picked: Chosen,
) -> list[str]:
    """Write the file; return the problems."""
    from application.use_cases.list_settlement import SettlementRow

    problems: list[str] = []
    progress = Progress("row")
    with written(target) as file:
        csv_file = CsvFile(file)
        csv_file.write_row(SETTLEMENT_COLUMNS)
        async for each in rows:
            if isinstance(each, SettlementRow):
                csv_file.write_row(_row(each))
                progress.count()
            else:
                problems += _problem(each)
        picked.check_any()
    progress.end()
    return [*picked.problems, *problems]


async def _of_payout(
    accounting: "Accounting", picked: Chosen, payout_id: str
) -> "AsyncIterator[SettlementRow | PayoutMismatch | PayoutNotItemized]":
    listing = accounting.list_settlement
    found: list[Payout] = []
    for gateway in picked.gateways:
        async with picked.asking(gateway):
            payout = await listing.find(gateway, payout_id)
            if payout is None:
                continue
            found.append(payout)
            async for row in listing.of_payout(gateway, payout):
                yield row
    if not found:
        unknown = f"no gateway has a payout {payout_id[:100]!a}"
        raise NothingWritten("; ".join([unknown, *picked.problems]))
    picked.problems.clear()  # it was found at another gateway


def _row(row: "SettlementRow") -> tuple[object, ...]:
    owned, movement = row.owned, row.owned.movement
    payout_id = row.payout.id if row.payout is not None else movement.payout_id
    return (
        owned.gateway,
        cell(payout_id),
        "" if row.payout is None else row.payout.arrives_on.isoformat(),
        cell(movement.type),
        cell(movement.source),
        "" if owned.owner is None else cell(owned.owner.order_id),
        "" if owned.owner is None else cell(owned.owner.payment_id),
        movement.currency.code,
        movement.amount,
        movement.fee,
        movement.net,
        movement.created_at.astimezone(UTC).isoformat(),
    )


def _problem(found: "PayoutMismatch | PayoutNotItemized") -> list[str]:
    """Return the line about a payout that is wrong; say at once if one cannot be checked."""
    from application.use_cases.list_settlement import PayoutMismatch

    payout = found.payout
    name = f"{found.gateway}: payout {payout.id}"
    if isinstance(found, PayoutMismatch):
        code = payout.currency.code
        return [f"{name} is {payout.amount} {code}, and its rows add up to {found.contained}"]
    click.echo(f"payments: {name} is not itemized: its rows are not known", err=True)
    return []
