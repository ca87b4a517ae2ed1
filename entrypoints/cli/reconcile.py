"""The command `payments reconcile`."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final

import click

from entrypoints.cli.output_files import STANDARD_OUTPUT, CsvFile, cell, written
from entrypoints.cli.period import check_order, since_option, until_option
from entrypoints.cli.running import fail, run, settings_or_exit, system_user

if TYPE_CHECKING:
    from application.application import UseCases
    from application.ports.differences import Difference
    from application.ports.gateway_records import Period

# How often progress is printed, in seconds: a short run prints none.
_PROGRESS_SECONDS: Final = 5.0

_COLUMNS: Final = (
    *("kind", "gateway", "order", "payment", "charge"),
    *("ours", "theirs", "repaired", "reason"),
)


@click.command()
@since_option("3d", "3d")
@until_option
@click.option("--repair", is_flag=True, help="Repair what the gateway's word proves.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--csv", "target", metavar="FILE", help="Write the differences to a CSV file, or - for stdout."
)
def reconcile(
    since: datetime, until: datetime | None, repair: bool, as_json: bool, target: str | None
) -> None:
    """Compare the gateways' books with ours.

    Exits with 0 if they agree or were made to, and with 1 if differences are left, or if a gateway
    cannot be asked. It never charges; docs/recovery.md says what is done about each difference.
    The worker's role `reconcile` does the same with --repair, every hour.
    """
    settings = settings_or_exit(http=False)
    check_order(since, until or datetime.now(UTC))
    is_printed = target != STANDARD_OUTPUT
    if as_json and not is_printed:
        fail("--json cannot be combined with --csv -")
    run_ = _Run(repair)

    async def working() -> None:
        from application.acting import acting
        from domain.actor import Actor
        from entrypoints.composition.operator import open_use_cases

        with acting(Actor.command(system_user(), "payments reconcile --repair")):
            async with open_use_cases(settings) as use_cases:
                await run_.all(use_cases, since, until)

    with nullcontext() if target is None else written(target) as file:
        run(working())
        found = list(run_.found.values())
        if file is not None:
            _write_csv(file, found)
    if is_printed and (run_.finished or found):
        click.echo(run_.as_json if as_json else run_.as_text)
    if run_.problems:
        fail(*run_.problems)
    sys.exit(0 if all(each.repaired for each in found) else 1)


class _Run:
    """One run over all gateways: what was counted and found."""

    def __init__(self, repair: bool) -> None:
        self.repair = repair
        self.found: dict[tuple[str, str, str], Difference] = {}
        self.problems: list[str] = []
        self.finished = self.compared = self.foreign = 0
        self._printed_at = time.monotonic()

    async def all(self, use_cases: "UseCases", begins: datetime, ends: datetime | None) -> None:
        """Compare every gateway."""
        from application.ports.gateway_records import Period
        from application.use_cases.compare_books import MARGIN
        from application.use_cases.reconcile import NotReconciled

        period = Period(begins, ends or use_cases.reconcile.now() + MARGIN)
        for each in use_cases.reconcile_regularly.gateways:
            try:
                totals = await use_cases.reconcile(
                    each,
                    period,
                    self._observe,
                    repair=self.repair,
                    progress=partial(self._progress, each.name, period),
                )
            except NotReconciled as error:
                self.problems.append(str(error))
            else:
                self.finished += 1
                self.compared += totals.compared
                self.foreign += totals.foreign

    def _observe(self, found: "Difference") -> None:
        self.found[found.kind.value, found.gateway, found.subject] = found

    def _progress(self, name: str, period: "Period", until: datetime) -> None:
        if time.monotonic() - self._printed_at < _PROGRESS_SECONDS:
            return
        self._printed_at = time.monotonic()
        done = (until - period.since) / (period.until - period.since)
        click.echo(f"{name}: {done:.0%}, {len(self.found)} differences", err=True)

    @property
    def as_json(self) -> str:
        """The result in the format of `--json`."""
        found = [_body(each) for each in self.found.values()]
        counts = {"compared": self.compared, "foreign": self.foreign}
        return json.dumps({**counts, "differences": found}, ensure_ascii=False)

    @property
    def as_text(self) -> str:
        """One line for each difference, and the counts."""
        lines = [_line(each) for each in self.found.values()]
        repaired = sum(each.repaired for each in self.found.values())
        return "\n".join(
            [
                *lines,
                f"compared {self.compared}, of others {self.foreign},"
                f" differences {len(lines)}, repaired {repaired}",
            ]
        )


def _body(found: "Difference") -> dict[str, Any]:
    fields = {
        "kind": found.kind.value,
        "gateway": found.gateway,
        "orderId": found.order_id,
        "paymentId": found.payment_id,
        "chargeId": found.charge_id,
        "refundId": found.refund_id,
        "ours": found.ours,
        "theirs": found.theirs,
        "repaired": found.repaired,
        "reason": found.reason,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _line(found: "Difference") -> str:
    about = f"payment {found.payment_id}" if found.payment_id else found.subject
    order = f" of order {found.order_id}" if found.order_id else ""
    result = "repaired" if found.repaired else "NOT REPAIRED"
    reason = f" ({found.reason})" if found.reason else ""
    said = f"ours {found.ours}, theirs {found.theirs}"
    return f"{found.kind.value}  {found.gateway}  {about}{order}: {said}: {result}{reason}"


def _write_csv(file: IO[str], found: "Sequence[Difference]") -> None:
    csv_file = CsvFile(file)
    csv_file.write_row(_COLUMNS)
    for each in found:
        about = each.kind.value, each.gateway, each.order_id, each.payment_id, each.charge_id
        said = each.ours, each.theirs, str(each.repaired).lower(), each.reason
        csv_file.write_row([cell(value) for value in (*about, *said)])
