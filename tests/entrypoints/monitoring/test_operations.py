"""docs/operations.md and its files describe exactly what the service reports and exports."""

import re
from pathlib import Path

from application.ports.alerts import AlertKind
from application.ports.backlog import BacklogKind
from entrypoints.monitoring.next_steps import NEXT_STEPS

DOCS = Path(__file__).parents[3] / "docs"


def test_every_problem_has_a_next_step_and_a_section_of_what_to_do() -> None:
    text = (DOCS / "operations.md").read_text()
    sections = re.findall(r"^### (\w+)$", text, re.MULTILINE)
    assert {kind.value for kind in (*AlertKind, *BacklogKind)} < NEXT_STEPS.keys()
    assert sorted(sections) == sorted(NEXT_STEPS)
    for link in re.findall(r"\]\(#([\w-]+)\)", text):
        assert link in {*sections, "the-backlog", "alerts"}, link
