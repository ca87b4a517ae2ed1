"""The command `payments verify-history`, registered as an entry point in pyproject.toml."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click
from attrs import define

if TYPE_CHECKING:
    from payments_kit.verification.summary import Summary

KEPT: Final = 0
BROKEN: Final = 1
NOT_JUDGED: Final = 2

# An auditor who waits longer for a sign of life thinks that the command hangs.
_PROGRESS_SECONDS: Final = 2.0


@define
class _Progress:
    _said_at: float

    def __call__(self, what: str, count: int) -> None:
        if time.monotonic() - self._said_at >= _PROGRESS_SECONDS:
            self._said_at = time.monotonic()
            click.echo(f"payments: {count} {what} …", err=True)


@click.command(name="verify-history")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--listing",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="What a gateway itself has exported: it replaces the file's charges or refunds.",
)
@click.option(
    "--lost-transactions",
    is_flag=True,
    help="The database has lost its last commits in the period: what it cannot know is allowed.",
)
def verify_history(file: str, as_json: bool, listing: str | None, lost_transactions: bool) -> None:
    """Judge what a shop's own records say.

    FILE is what `payments export-history` has written; - is standard input. Needs nothing but the
    file: no configuration, no database, no network.

    The gateways' lists, the events and the histories of orders are compared by the specification
    that the simulation uses (docs/proof.md). Each broken promise is named with the lines that show
    it, and what was not judged with the reason.

    \b
    Exit status:
      0  every promise that can be judged from the file was kept
      1  a promise was broken
      2  the file cannot be judged: it is damaged, or no order of it is complete

    \b
    Examples:
      payments export-history --since 7d week.jsonl
      payments verify-history week.jsonl
      payments verify-history --listing stripe-charges.jsonl week.jsonl
      zstd -dc 2026-10.jsonl.zst | payments verify-history --json - > report.json
    """
    from payments_kit.verification.listing import BadListing
    from payments_kit.verification.reading import BadFile

    try:
        summary = _verified(file, listing, lost_transactions)
    except BadListing as error:
        _fail(f"{listing}: {error}")
    except BadFile as error:
        _fail(f"{file}: {error}")
    except OSError as error:
        _fail(f"{error.filename or file}: {error.strerror}")
    if as_json:
        click.echo(summary.as_json)
    else:
        for line in summary.as_text():
            click.echo(line)
    if not summary.is_kept:
        sys.exit(BROKEN)
    sys.exit(KEPT if summary.is_judged else NOT_JUDGED)


def _verified(file: str, listing: str | None, lost_transactions: bool) -> "Summary":
    from payments_kit.verification.verify import verify_file

    with ExitStack() as stack:
        listed = None if listing is None else stack.enter_context(Path(listing).open("rb"))
        opened = stack.enter_context(click.open_file(file, "rb"))
        progress = _Progress(time.monotonic())
        return verify_file(opened, progress, listed=listed, has_lost_transactions=lost_transactions)


def _fail(problem: str) -> NoReturn:
    click.echo(f"payments: {problem}", err=True)
    sys.exit(NOT_JUDGED)
