"""docs/runbook.md has an entry for every alert and every line of doctor, and for nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from application.ports.alerts import AlertKind
from application.ports.backlog import BacklogKind
from entrypoints.monitoring.next_steps import NEXT_STEPS
from tests.alerts.doctor_lines import check_names, problem_texts
from tests.alerts.exposed import Exposed
from tests.alerts.rules import ALERTS, ROOT, RUNBOOK, RUNBOOK_URL, Rule

DOCS: Final = ROOT / "docs"
PARTS: Final = ("Customers", "By itself", "Look", "Do", "Call")
TEXT: Final = RUNBOOK.read_text()
ENTRIES: Final = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))

KIND: Final = "{{ $labels.kind }}"


def entries_of(rule: Rule) -> set[str]:
    """Return the entries that the address of an alert may lead to."""
    url = rule.annotations["runbook_url"]
    assert url.startswith(RUNBOOK_URL)
    name = url.removeprefix(RUNBOOK_URL)
    return {kind.value for kind in AlertKind} if name == KIND else {name}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.alert)
def test_the_address_of_each_alert_leads_to_an_entry(rule: Rule) -> None:
    assert entries_of(rule) <= ENTRIES.keys()


def test_the_runbook_has_exactly_the_alerts_the_problems_and_the_checks_of_doctor() -> None:
    alerts = {entry for rule in ALERTS for entry in entries_of(rule)}
    checks = {re.sub(r"\W", "_", name) for name in check_names()}
    assert {kind.value for kind in (*AlertKind, *BacklogKind)} < NEXT_STEPS.keys()
    assert ENTRIES.keys() == alerts | checks | NEXT_STEPS.keys()
    assert len(checks) > 8, "read from the code"


@pytest.mark.parametrize("name", ENTRIES)
def test_each_entry_says_what_it_means_and_has_all_parts_in_order(name: str) -> None:
    meaning, *_ = ENTRIES[name].strip().split("\n- ")
    assert len(meaning) > 20
    assert tuple(re.findall(r"^- ([A-Z][a-z ]+): \S", ENTRIES[name], re.MULTILINE)) == PARTS


@pytest.mark.parametrize("text", sorted(problem_texts()))
def test_each_text_of_doctor_about_the_database_and_nats_is_in_a_table(text: str) -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert any(text in line for line in lines)
    assert len(problem_texts()) > 25, "read from the code"


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", each.lower().replace(" ", "-")) for each in headings}


def links_with_headings() -> Iterator[tuple[Path, Path, str]]:
    """Yield each link to a heading from a document, with the document it leads to."""
    for document in (*ROOT.glob("*.md"), *DOCS.glob("*.md")):
        for target, heading in re.findall(r"\]\(([^)#:\s]*)#([^)]+)\)", document.read_text()):
            yield document, (document.parent / target) if target else document, heading


def test_each_link_to_a_heading_of_the_operating_documents_leads_to_one() -> None:
    broken = [
        (source.name, target.name, heading)
        for source, target, heading in links_with_headings()
        if target.name in ("runbook.md", "operations.md") and heading not in anchors(target)
    ]
    assert broken == []


@pytest.mark.parametrize(
    "document",
    [DOCS / "operations.md", RUNBOOK, DOCS / "failure-modes.md", ROOT / "README.md"],
    ids=lambda document: document.name,
)
def test_every_metric_that_a_document_names_is_exported(document: Path, exposed: Exposed) -> None:
    names = set(re.findall(r"\bpayments_[a-z_]+[a-z](?![\w/.]|\()", document.read_text()))
    # The text of a document may name a histogram without its suffix.
    known = {"payments_kit", *exposed.metrics}
    assert names - known - {name.removesuffix("_bucket") for name in known} == set()


def test_the_page_of_operations_names_every_metric(exposed: Exposed) -> None:
    page = (DOCS / "operations.md").read_text()
    ours = {name for name in exposed.metrics if name.startswith("payments_")}
    parts = {name for name in ours if name.endswith(("_count", "_sum", "_created"))}
    missing = {name for name in ours - parts if f"`{name.removesuffix('_bucket')}`" not in page}
    assert missing == set()
