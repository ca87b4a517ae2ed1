"""The state diagrams in docs/architecture.md show exactly the transitions of the domain."""

import re
from collections.abc import Mapping, Set
from enum import Enum
from pathlib import Path
from typing import TypeVar

import pytest

from domain import payment_status, refund

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
EDGE = re.compile(r"(\S+)\s*-->\s*(\w+)(?:\s*:.*)?")

Edges = set[tuple[str, str]]
Status = TypeVar("Status", bound=Enum)


def edges_below(heading: str, document: str) -> Edges:
    """Return the edges of the first state diagram below the heading that contains this text.

    Raises:
        ValueError: there is no such diagram, or a line of it is not an edge.
    """
    sections = re.split(r"^#+ ", document, flags=re.MULTILINE)
    below = [each for each in sections if heading in each.partition("\n")[0].lower()]
    _, found, diagram = "".join(below[:1]).partition("```mermaid\nstateDiagram-v2\n")
    if not found:
        raise ValueError(f"no state diagram below a heading about {heading}")
    edges = Edges()
    for line in diagram.partition("```")[0].strip().splitlines():
        edge = EDGE.fullmatch(line.strip())
        if edge is None:
            raise ValueError(f"not an edge: {line}")
        edges.add((edge[1], edge[2]))
    return edges


def edges_of(table: Mapping[Status, Set[Status]], start: Status) -> Edges:
    """Return the edges of a transition table, with the one that leads to the start."""
    edges = {(before.value, after.value) for before in table for after in table[before]}
    return {*edges, ("[*]", start.value)}


PAYMENTS = edges_of(payment_status.TRANSITIONS, payment_status.PaymentStatus.PROCESSING)
REFUNDS = edges_of(refund.TRANSITIONS, refund.RefundStatus.PENDING)


@pytest.mark.parametrize(
    ("heading", "edges"), [("states of a payment", PAYMENTS), ("states of a refund", REFUNDS)]
)
def test_the_diagram_shows_the_transition_table(heading: str, edges: Edges) -> None:
    assert edges_below(heading, DOCUMENT.read_text()) == edges


WRONG = """
## The states of a refund

A paragraph.

```mermaid
stateDiagram-v2
    [*] --> pending: reserved
    pending --> succeeded
    failed --> pending: sent again
```

## Another section
"""


def test_a_wrong_diagram_is_found() -> None:
    assert edges_below("states of a refund", WRONG) ^ REFUNDS == {
        ("failed", "pending"),
        ("pending", "failed"),
        ("succeeded", "failed"),
    }


@pytest.mark.parametrize(
    "document",
    ["", WRONG.replace("refund", "payment"), WRONG.replace("-->", "->"), "## states of a refund\n"],
    ids=["empty", "another heading", "another arrow", "no diagram"],
)
def test_a_missing_or_unreadable_diagram_is_an_error(document: str) -> None:
    with pytest.raises(ValueError, match=r"no state diagram|not an edge"):
        edges_below("states of a refund", document)
