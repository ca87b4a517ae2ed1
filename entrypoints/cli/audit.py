"""The commands `payments audit …`."""

import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import click

from entrypoints.cli.running import fail, run, settings_or_exit

if TYPE_CHECKING:
    from domain.audit_file import VerifiedFile
    from entrypoints.settings import Settings


@click.group(name="audit")
def audit_commands() -> None:
    """Export and check histories of orders."""


@audit_commands.command()
@click.argument("order")
def export(order: str) -> None:
    """Write the history of an order.

    It goes to standard output, one JSON object a line. The last line says which root over all
    histories contains it; docs/audit.md has the format.
    """
    from domain.claim import OrderNotFound
    from entrypoints.http.validation import is_text, shown

    settings = settings_or_exit(http=False)
    unknown = (
        f"order {shown(order)} has no history: it is unknown, or has not changed since histories"
        " are kept"
    )
    if not is_text(order):
        fail(unknown)
    try:
        run(_export(settings, order))
    except OrderNotFound:
        fail(unknown)


async def _export(settings: "Settings", order: str) -> None:
    from domain.identifiers import OrderId
    from entrypoints.composition.audit import open_audit

    async with open_audit(settings) as audit:
        async for line in audit.export(OrderId(order)):
            sys.stdout.buffer.write(line.encode() + b"\n")
    sys.stdout.buffer.flush()


@audit_commands.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def verify(file: str) -> None:
    """Check an exported file; - is standard input.

    Nothing but the file is needed. The status is 1 if a line was changed, moved, added or dropped;
    the first such line is named. Compare the root that is printed with the one that was published.
    """
    from domain.audit_file import BrokenLine
    from domain.audit_file import verify as verify_lines

    try:
        with click.open_file(file, "rb") as opened:
            verified = verify_lines(_lines(opened))
    except BrokenLine as broken:
        fail(f"{file}: {broken}")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    for line in _words(verified):
        click.echo(line)


def _lines(opened: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines without their ends; of one that is too long, only so much."""
    from domain.audit_file import MAX_LINE

    while line := opened.readline(MAX_LINE + 2):
        yield line.removesuffix(b"\n")


def _words(verified: "VerifiedFile") -> Iterator[str]:
    newest = f"the newest has hash {verified.newest_hash}"
    order = _on_one_line(verified.order_id)
    yield f"order {order}: {verified.entries} entries are intact; {newest}"
    if verified.root is None:
        yield "no root contains the order yet: export it again in a minute"
        return
    covered = "all" if verified.rooted == verified.entries else f"the first {verified.rooted}"
    at = _on_one_line(verified.root_at)
    yield f"root {verified.root} of {at} contains {covered} of them"


def _on_one_line(text: object) -> str:
    """Return a text of the file, which anybody can have written, without control characters."""
    return text if isinstance(text, str) and text.isprintable() else ascii(text)


@audit_commands.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=10, show_default=True)
def roots(limit: int) -> None:
    """Show the newest roots over all histories.

    The log of the workers has them, too.
    """

    async def read() -> list[str]:
        from domain.order_changes import moment
        from entrypoints.composition.audit import open_audit

        async with open_audit(settings) as audit:
            found = await audit.roots.newest(limit)
        return [f"{moment(each.at)}  {each.root}  {each.orders} orders" for each in found]

    settings = settings_or_exit(http=False)
    for line in run(read()):
        click.echo(line)
