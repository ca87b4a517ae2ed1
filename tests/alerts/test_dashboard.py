"""The dashboard shows only what is exported, every panel has data, and its links lead somewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.alerts.exposed import Exposed
from tests.alerts.promtool import PROMTOOL, WHY_NOT, evaluate
from tests.alerts.rules import DASHBOARD, RUNBOOK, parse

BOARD: Final = json.loads(DASHBOARD.read_text())
PANELS: Final = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUESTIONS: Final = [panel["title"] for panel in BOARD["panels"] if panel["type"] == "row"]

VARIABLES: Final = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*"}
"""What Grafana fills in."""


def plain(expression: str) -> str:
    """Return an expression with Grafana's variables filled in."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each expression with the title of its panel."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], plain(target["expr"])
    for annotation in BOARD["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["name"], plain(annotation["expr"])


def texts(node: Any) -> Iterator[str]:
    """Yield every text in a part of the dashboard."""
    match node:
        case str():
            yield node
        case dict():
            for each in node.values():
                yield from texts(each)
        case list():
            for each in node:
                yield from texts(each)
        case _:
            pass


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_each_expression_reads_metrics_that_exist(
    title: str, expression: str, exposed: Exposed
) -> None:
    assert exposed.problems(parse(expression)) == [], title


@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
def test_each_panel_has_data_after_some_minutes(exposed: Exposed, tmp_path: Path) -> None:
    found = evaluate([each for _, each in expressions()], exposed.scrapes, tmp_path)
    shown = {title for title, expression in expressions() if found[expression]}
    assert {panel["title"] for panel in PANELS} - shown == set()


def test_the_rows_are_questions_and_each_panel_says_what_it_shows() -> None:
    assert len(QUESTIONS) == 4
    assert all(each.endswith("?") for each in QUESTIONS)
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert "defaults" in panel["fieldConfig"], panel["title"]


def test_each_graph_and_figure_has_a_unit() -> None:
    with_unit = [panel for panel in PANELS if panel["type"] in ("stat", "timeseries")]
    assert len(with_unit) > 30
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in with_unit)


def test_the_links_to_the_runbook_lead_to_headings() -> None:
    linked = {
        heading
        for text in texts(BOARD)
        for heading in re.findall(r"^\$\{runbook\}#([\w-]+)$", text)
    }
    headings = re.findall(r"^#+ (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert len(linked) > 20
    assert linked <= {re.sub(r"[^\w-]", "", each.lower().replace(" ", "-")) for each in headings}
    assert {link["title"] for link in BOARD["links"]} == {"Runbook", "Console"}


def test_the_variables_that_are_used_are_declared() -> None:
    declared = {each["name"] for each in BOARD["templating"]["list"]}
    used = {
        name
        for text in texts(BOARD)
        for name in re.findall(r"\$\{?([a-z]\w*)", text)
        if not name.startswith("__")
    }
    assert used == declared


def test_no_two_panels_overlap_or_have_the_same_number() -> None:
    def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    taken = set[tuple[int, int]]()
    for panel in BOARD["panels"]:
        assert taken.isdisjoint(cells(panel)), panel["title"]
        assert max(x for x, _ in cells(panel)) < 24  # the width of Grafana's grid
        taken |= cells(panel)
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(numbers) == len(set(numbers))
