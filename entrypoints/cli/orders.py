"""The commands `payments show` and `payments explain`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from entrypoints.cli.running import fail, run, settings_or_exit

if TYPE_CHECKING:
    from application.use_cases.find_order import FoundOrder

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object for programs.")


@click.command()
@click.argument("id")
@_AS_JSON
def show(id: str, as_json: bool) -> None:
    """Show an order with its payments, refunds and disputes.

    ID is of the order, of a payment, or the gateway's of a charge.
    """

    def text(found: "FoundOrder") -> str:
        from entrypoints.cli.order_texts import order_text
        from entrypoints.order_document import order_body

        body = order_body(found)
        return _json(body) if as_json else order_text(body)

    _print(id, text)


@click.command()
@click.argument("id")
@_AS_JSON
def explain(id: str, as_json: bool) -> None:
    """Say why an order or a payment is as it is.

    Shown are the evidence for its state, what it waits for and until when, what ends that, and what
    may be done now. ID is of the order, of a payment, or the gateway's of a charge.
    """

    def text(found: "FoundOrder") -> str:
        from entrypoints.cli.order_texts import explanation_text, title_of
        from entrypoints.order_document import explanation_body

        body = explanation_body(found.explanation)
        return _json(body) if as_json else explanation_text(title_of(found), body)

    _print(id, text)


def _json(body: object) -> str:
    import msgspec

    return msgspec.json.encode(body).decode()


def _print(any_id: str, text: "Callable[[FoundOrder], str]") -> None:
    """Print what the text says of the order; exit with status 1 and one line without one."""
    from application.use_cases.find_order import NothingFound
    from entrypoints.http.validation import MAX_CHARACTERS, is_text

    if not is_text(any_id):
        fail(f"an id has 1 to {MAX_CHARACTERS} characters")
    settings = settings_or_exit(http=False)

    async def finding() -> "FoundOrder":
        from entrypoints.composition.operator import open_use_cases

        async with open_use_cases(settings) as use_cases:
            find: Callable[[str], Awaitable[FoundOrder]] = use_cases.find_order
            return await find(any_id)

    try:
        click.echo(text(run(finding())))
    except NothingFound:
        fail(f"there is no order, payment or charge {any_id!a}")
