"""The commands `payments schema …`: the documents of the interfaces."""

import json
from typing import Any

import click

from entrypoints.cli.output_files import STANDARD_OUTPUT, written
from entrypoints.worker.order_events import ORDER_SHIPPED

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
@click.option("--prefix", envvar="NATS_SUBJECT_PREFIX", default="", help="NATS_SUBJECT_PREFIX.")
@click.option(
    "--capture-subject", envvar="CAPTURE_SUBJECT", default=ORDER_SHIPPED, help="CAPTURE_SUBJECT."
)
@_output
def events(prefix: str, capture_subject: str, output: str) -> None:
    """Print the AsyncAPI 3 document of the events.

    The subjects are those of the settings, if they are set.
    """
    from entrypoints.composition.documents import document_of_events

    _write(document_of_events(prefix, capture_subject), output)


@schema_commands.command()
@_output
def http(output: str) -> None:
    """Print the OpenAPI document of the HTTP interface, with every optional route."""
    from entrypoints.composition.http_document import document_of_http

    _write(document_of_http(), output)


def _write(document: dict[str, Any], output: str) -> None:
    with written(output) as file:
        file.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
