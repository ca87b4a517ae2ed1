"""The command `payments ledger`: the gateways' balances in double entry."""

from datetime import datetime

import click

from entrypoints.cli.accounting import (
    Chosen,
    Progress,
    chosen,
    gateway_option,
    period_of,
    run_or_fail,
)
from entrypoints.cli.output_files import STANDARD_OUTPUT, written
from entrypoints.cli.period import since_option, until_option
from entrypoints.cli.running import settings_or_exit


@click.command()
@click.option(
    "--format",
    "format_",
    required=True,
    type=click.Choice(["beancount", "csv"]),
    help="What to write.",
)
@since_option("everything")
@until_option
@gateway_option
def ledger(
    format_: str, since: datetime | None, until: datetime | None, gateway: str | None
) -> None:
    """Print charges, refunds and fees in double entry.

    Every movement of the gateways' balances in a period, on stdout: `bean-check` accepts it, and
    the account of each gateway has its net balance. Nothing is printed if a gateway cannot be
    asked. docs/settlement.md describes the accounts.
    """
    period = period_of(since, until)
    settings = settings_or_exit(http=False)

    async def working() -> list[str]:
        from domain.ledger import transaction_of
        from entrypoints.cli.ledger_formats import LEDGER_FORMATS
        from entrypoints.composition.accounting import open_accounting

        progress = Progress("transaction")
        async with open_accounting(settings) as accounting:
            picked: Chosen = chosen(accounting.gateways, gateway)
            with written(STANDARD_OUTPUT) as file:
                writer = LEDGER_FORMATS[format_](file)
                writer.begin()
                listing = accounting.read_movements.of_period
                async for each in picked.each(lambda it: listing(it, period)):
                    transaction = transaction_of(each.movement, each.gateway, each.owner)
                    if transaction is not None:
                        writer.write(transaction)
                        progress.count()
                picked.check_any()
        progress.end()
        return picked.problems

    run_or_fail(working())
