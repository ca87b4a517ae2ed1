"""The command `payments export-history`, registered as an entry point in pyproject.toml."""

from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

import click

from entrypoints.cli.accounting import NothingWritten, Progress
from entrypoints.cli.output_files import written
from entrypoints.cli.period import check_order, since_option, until_option
from entrypoints.cli.running import fail, run, settings_or_exit

if TYPE_CHECKING:
    from application.ports.gateway_records import Period
    from entrypoints.settings import Settings


@click.command(name="export-history")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@since_option("7d", "7d")
@until_option
def export_history(file: str, since: datetime, until: datetime | None) -> None:
    """Write the records of a period to a file that can be judged.

    FILE gets what the gateways list, the order events and ours as the broker has stored them, and
    the histories of all orders that have changed: one JSON object a line, each with a hash that
    continues the one before it (docs/reference/history-file.md). - is standard output. An existing
    file is replaced when everything is written, and stays as it is after an error.

    It changes nothing, and needs the settings of the service. NATS must keep events for as long as
    the period is: what it lacks is said, and is not judged then. An order is judged ten minutes
    after its last change: of a shop that has just begun, export again then.

    \b
    Examples:
      payments export-history week.jsonl
      payments export-history --since 2026-10-01 --until 2026-11-01 october.jsonl
      payments export-history --since 1d - | payments verify-history -
    """
    from application.ports.gateway_records import Period

    period = Period(since, until or datetime.now(UTC))
    check_order(period.since, period.until)
    settings = settings_or_exit(http=False)
    with written(file) as opened:
        try:
            run(_write(settings, period, opened))
        except NothingWritten as reason:
            fail(f"{reason}; nothing was written")


async def _write(settings: "Settings", period: "Period", opened: IO[str]) -> None:
    from application.ports.payment_gateway import OutcomeUnknown
    from entrypoints.composition.history_export import open_shop_records
    from payments_kit.verification.export import Export, TooMuchWaits
    from payments_kit.verification.judging import SETTLING
    from payments_kit.verification.lines import End, encode
    from payments_kit.verification.sealing import Seal

    progress, seal = Progress("line"), Seal()

    def reading(source: str) -> None:
        progress.doing = f"reading {source}"

    async with progress.also_while_waiting(), open_shop_records(settings) as records:
        export = Export(records, period, _say, reading)
        try:
            async for line in export.lines():
                opened.write(seal.add(encode(line)).decode() + "\n")
                progress.count()
        except (OutcomeUnknown, TooMuchWaits) as error:
            raise NothingWritten(str(error)) from None
    opened.write(seal.add(encode(End(progress.counted))).decode() + "\n")
    progress.end()
    if period.until > records.now() - SETTLING:
        minutes = SETTLING // timedelta(minutes=1)
        _say(
            f"orders that have changed within the last {minutes} minutes are not judged by this"
            f" file: to judge them, export again in {minutes} minutes"
        )


def _say(line: str) -> None:
    click.echo(f"payments: {line}", err=True)
