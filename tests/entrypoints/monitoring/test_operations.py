"""docs/operations.md and its files describe exactly what the service reports and exports."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from application.ports.alerts import AlertKind
from application.ports.backlog import BacklogKind
from entrypoints.http.metrics import Metrics
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.dead_letter_metrics import DeadLetterMetrics
from entrypoints.monitoring.next_steps import NEXT_STEPS
from entrypoints.worker.metrics import WorkerMetrics
from tests.world import World

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


def exported() -> set[str]:
    """Return the names of all series of serve and worker."""
    world, registries = World(), (CollectorRegistry(), CollectorRegistry())
    Metrics.on(registries[0])
    WorkerMetrics.on(registries[1])
    DeadLetterMetrics.on(registries[1])
    for registry in registries:
        BacklogMetrics.on(registry)
        AlertMetrics.on(registry)
        ClockWatch("host", world.now, world.now, world.alerts).export(registry)
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    return {
        f"{metric.name}{suffix}"
        for registry in registries
        for metric in registry.collect()
        if metric.name.startswith("payments_")
        for suffix in suffixes[metric.type]
    }


@pytest.mark.parametrize(
    "file",
    [
        *(DOCS / "operations").iterdir(),
        DOCS / "operations.md",
        DOCS / "failure-modes.md",
        ROOT / "README.md",
    ],
    ids=lambda file: file.name,
)
def test_every_metric_that_is_named_is_exported(file: Path) -> None:
    names = set(re.findall(r"\bpayments_[a-z_]+[a-z](?![\w/.]|\()", file.read_text()))
    known = exported() | {"payments_kit"}
    # The text of a document may name a histogram without its suffix.
    known |= {name.removesuffix("_bucket") for name in known}
    assert names - known == set()


def test_the_page_names_every_metric() -> None:
    text = (DOCS / "operations.md").read_text()
    names = {name.removesuffix("_bucket") for name in exported()}
    parts = {name for name in names if name.endswith(("_count", "_sum"))}
    assert {name for name in names - parts if name not in text} == set()


def test_the_alert_rules_name_problems_of_this_page() -> None:
    rules = (DOCS / "operations/prometheus-rules.yaml").read_text()
    summaries = re.findall(r'summary: "([a-z_]+): ', rules)
    assert set(summaries) <= NEXT_STEPS.keys()
    assert {kind.value for kind in BacklogKind} <= set(summaries)


def test_the_dashboard_is_valid_and_its_panels_do_not_overlap() -> None:
    dashboard = json.loads((DOCS / "operations/grafana-dashboard.json").read_text())
    positions = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(positions) == len(set(positions)) > 10
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


def test_every_problem_has_a_next_step_and_a_section_of_what_to_do() -> None:
    text = (DOCS / "operations.md").read_text()
    sections = re.findall(r"^### (\w+)$", text, re.MULTILINE)
    assert {kind.value for kind in (*AlertKind, *BacklogKind)} < NEXT_STEPS.keys()
    assert sorted(sections) == sorted(NEXT_STEPS)
    for link in re.findall(r"\]\(#([\w-]+)\)", text):
        assert link in {*sections, "the-backlog", "alerts", "metrics-and-logs"}, link
