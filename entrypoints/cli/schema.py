"""The commands `payments schema …`: the documents of the interfaces."""

import json
from collections.abc import Callable
from typing import Any

import click

from entrypoints.cli.output_files import STANDARD_OUTPUT, written
from entrypoints.settings.sections import nats
from entrypoints.worker.order_events import ORDER_SHIPPED


def _checked(parse: Callable[[str], str]) -> Callable[[Any, Any, str | None], str | None]:
    """Return what checks an option as the variable of a process is checked."""

    def check(_context: object, _option: object, value: str | None) -> str | None:
        try:
            return parse(value) if value else None
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return check


_output = click.option(
    "--output",
    default=STANDARD_OUTPUT,
    metavar="FILE",
    help="Write to this file; to the standard output without it.",
)


@click.group(name="schema")
def schema_commands() -> None:
    """Print the documents of the interfaces. Nothing is connected to."""


@schema_commands.command()
@click.option(
    "--prefix",
    envvar="NATS_SUBJECT_PREFIX",
    callback=_checked(nats.parse_subject_prefix),
    help="What is put before every subject; by default NATS_SUBJECT_PREFIX.",
)
@click.option(
    "--capture-subject",
    envvar="CAPTURE_SUBJECT",
    callback=_checked(nats.parse_capture_subject),
    help=f"The event that captures; by default CAPTURE_SUBJECT, or {ORDER_SHIPPED}.",
)
@_output
def events(prefix: str | None, capture_subject: str | None, output: str) -> None:
    """Print the AsyncAPI 3 document of the events."""
    from entrypoints.composition.documents import document_of_events

    _write(document_of_events(prefix or "", capture_subject or ORDER_SHIPPED), output)


@schema_commands.command()
@_output
def http(output: str) -> None:
    """Print the OpenAPI document of HTTP, with every optional route."""
    from entrypoints.composition.http_document import document_of_http

    _write(document_of_http(), output)


def _write(document: dict[str, Any], output: str) -> None:
    with written(output) as file:
        file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
