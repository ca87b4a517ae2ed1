"""schemathesis finds nothing between the service and its OpenAPI document."""

import json
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

EXAMPLES: Final = 12
"""Requests to each operation, which take some ten milliseconds each."""

DEEP: Final = 400

# Of the stored document, because each process of the tests asks for the names.
PATHS: Final = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
NAMES: Final = [each["operationId"] for item in PATHS.values() for each in item.values()]


def send(name: str, examples: int) -> None:
    """Send requests; the import takes two seconds, which each process of the tests would spend."""
    from tests.documents import generated_requests

    generated_requests.send(name, examples)


def test_requests_to_each_operation_get_what_the_document_says() -> None:
    # One test, so that one process of the tests prepares the schemas, which takes longest.
    for name in NAMES:
        send(name, EXAMPLES)


@pytest.mark.deep
@pytest.mark.parametrize("name", NAMES)
def test_many_requests_to_an_operation_get_what_the_document_says(name: str) -> None:
    send(name, DEEP)
