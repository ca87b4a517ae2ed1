"""The files of deploy/prometheus, and the selectors in their expressions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import promql_parser
from attrs import frozen

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "deploy/prometheus"
DASHBOARD: Final = ROOT / "deploy/grafana/payments.json"
RUNBOOK: Final = ROOT / "docs/runbook.md"

RUNBOOK_URL: Final = "https://docs.example.com/payments/runbook.md#"
"""An address that each team replaces; example.com belongs to nobody (RFC 2606)."""

SEVERITIES: Final = ("page", "ticket")

TARGET_LABELS: Final = frozenset({"job", "instance"})
"""The labels that Prometheus itself adds to every series of a target."""


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """An alert or a recorded series."""

    expr: str
    alert: str | None = None
    record: str | None = None
    for_: str | None = msgspec.field(name="for", default=None)
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Rules that are evaluated together."""

    name: str
    rules: list[Rule]


class RuleFile(msgspec.Struct, forbid_unknown_fields=True):
    """A file of rules."""

    groups: list[Group]


def read_rules(name: str) -> list[Rule]:
    """Return the rules of a file."""
    content = (PROMETHEUS / name).read_bytes()
    file = msgspec.yaml.decode(content, type=RuleFile)
    return [rule for group in file.groups for rule in group.rules]


ALERTS: Final = read_rules("alerts.yaml")
RECORDED: Final = read_rules("recording.yaml")


@frozen
class Selector:
    """What an expression selects: a metric, and the labels that it names."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]
    """Label, name of the operator in `promql_parser.MatchOp`, value."""


@frozen
class Parsed:
    """An expression with everything that it names."""

    selectors: tuple[Selector, ...]
    grouping: frozenset[str]
    """The labels of `by (…)`."""


def parse(expression: str) -> Parsed:
    """Parse an expression of PromQL.

    Raises:
        ValueError: it is none.
    """
    selectors: list[Selector] = []
    grouping: set[str] = set()
    for node in _nodes(promql_parser.parse(expression)):
        if isinstance(node, promql_parser.VectorSelector):
            matchers = (
                (each.name, str(each.op).removeprefix("MatchOp."), each.value)
                for each in node.matchers.matchers
            )
            selectors.append(Selector(node.name or "", tuple(matchers)))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouping.update(node.modifier.labels)
    return Parsed(tuple(selectors), frozenset(grouping))


def _nodes(expression: Any) -> Iterator[Any]:
    nodes: list[Any] = []

    def visit(node: Any) -> bool:
        nodes.append(node)
        return True

    promql_parser.walk(expression, pre_visit=visit)
    return iter(nodes)


NAMES: Final = frozenset(
    selector.metric for rule in (*ALERTS, *RECORDED) for selector in parse(rule.expr).selectors
)
"""The metrics that the rules read."""
