"""The rules are valid, and read only what serve and worker export."""

import re
import subprocess
from collections.abc import Sequence

import promql_parser
import pytest

from tests.alerts.exposed import Exposed
from tests.alerts.promtool import PROMTOOL, SECONDS, WHY_NOT
from tests.alerts.rules import (
    ALERTS,
    PROMETHEUS,
    RECORDED,
    SEVERITIES,
    TARGET_LABELS,
    Rule,
    parse,
)

NAMES = re.compile(r"Payments[A-Z][A-Za-z]+")
RULES = [*ALERTS, *RECORDED]


def name_of(rule: Rule) -> str:
    return rule.alert or rule.record or ""


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_each_rule_reads_metrics_that_exist_with_labels_and_values_that_exist(
    rule: Rule, exposed: Exposed
) -> None:
    parsed = parse(rule.expr)
    assert exposed.problems(parsed) == []


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_each_alert_has_a_name_a_severity_and_one_line_of_text(rule: Rule) -> None:
    assert NAMES.fullmatch(rule.alert or "")
    assert rule.labels["severity"] in SEVERITIES
    assert rule.annotations.keys() == {"summary", "runbook_url"}
    assert "\n" not in rule.annotations["summary"]
    assert rule.for_ is None or promql_parser.parse_duration(rule.for_)


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_a_text_names_only_labels_that_the_alert_has(rule: Rule) -> None:
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values())))
    parsed = parse(rule.expr)
    aggregated = bool(re.match(r"\(?(sum|max|time\(\) - max|absent)", rule.expr))
    known = parsed.grouping if aggregated else TARGET_LABELS | {"method", "route"}
    absent = {name for each in parsed.selectors for name, operator, _ in each.matchers}
    assert named <= known | (absent if "absent" in rule.expr else set())


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "recording.yaml", "alerts.yaml"),
        ("test", "rules", "tests.yaml"),
    ],
    ids=" ".join,
)
@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
def test_promtool_accepts_the_files(command: Sequence[str]) -> None:
    result = subprocess.run(
        [str(PROMTOOL), *command],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
