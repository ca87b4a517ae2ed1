"""The dashboard shows only what is exported, and its panels do not overlap."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.alerts.exposed import Exposed
from tests.alerts.rules import DASHBOARD, parse

BOARD: Final = json.loads(DASHBOARD.read_text())
VARIABLES: Final = {"$__rate_interval": "5m", "$__range": "1h"}


def expressions() -> Iterator[str]:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def plain(expression: str) -> str:
    """Return an expression with Grafana's variables filled in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def test_each_expression_reads_metrics_that_exist(exposed: Exposed) -> None:
    problems = {each: exposed.problems(parse(plain(each))) for each in expressions()}
    assert {each: found for each, found in problems.items() if found} == {}


def test_no_two_panels_overlap() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    taken = set[tuple[int, int]]()
    for panel in BOARD["panels"]:
        assert taken.isdisjoint(cells(panel)), panel["title"]
        assert max(x for x, _ in cells(panel)) < 24
        taken |= cells(panel)
