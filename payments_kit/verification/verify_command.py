"""The command `payments verify-history`, registered as an entry point in pyproject.toml."""

import sqlite3
import sys
import time
import traceback
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

# The exit status that shells report for a program which Ctrl-C ended: 128 + SIGINT.
INTERRUPTED: Final = 130

# An auditor who waits longer for a sign of life thinks that the command hangs.
_PROGRESS_SECONDS: Final = 2.0


@define
class _Progress:
    _said_at: float

    def __call__(self, what: str, count: int) -> None:
        if time.monotonic() - self._said_at >= _PROGRESS_SECONDS:
            self._said_at = time.monotonic()
            click.echo(f"payments: {what}: {count} …", err=True)


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
      0    every promise that can be judged from the file was kept, or it has no orders
      1    a promise was broken
      2    the file cannot be judged: it is damaged, no order of it is complete
           (a fresh export: orders are judged 10 minutes after their last change),
           or something prevents it, such as no room in TMPDIR
      130  Ctrl-C ended it

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
        _print(summary, as_json)
    except BadListing as error:
        _fail(f"{listing}: {error}")
    except BadFile as error:
        _fail(f"{file}: {error}")
    except OSError as error:
        _fail(f"{error.filename or file}: {error.strerror}")
    except sqlite3.Error as error:
        _fail(f"the temporary database in TMPDIR cannot be used: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception:
        # Python's own status would be 1, which says that a promise was broken.
        traceback.print_exc()
        sys.exit(NOT_JUDGED)
    if not summary.is_kept:
        sys.exit(BROKEN)
    sys.exit(KEPT if summary.is_judged else NOT_JUDGED)


def _print(summary: "Summary", as_json: bool) -> None:
    try:
        for line in [summary.as_json] if as_json else summary.as_text():
            click.echo(line)
    except OSError as error:
        _fail(f"the result cannot be printed: {error.strerror}")


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
