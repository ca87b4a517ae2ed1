"""Run `promtool test rules` on drills."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from tests.alerts.rules import ALERTS, NAMES, PROMETHEUS
from tests.alerts.series import Scrape, firing, input_series

PROMTOOL: Final = shutil.which("promtool")
WHY_NOT: Final = "promtool is missing: it is in Debian's package prometheus"

SEVERITY: Final = {str(rule.alert): rule.labels["severity"] for rule in ALERTS}

SECONDS: Final = 120.0
"""It takes two seconds for all drills here."""


@frozen
class Expected:
    """What was scraped, and which alerts must fire at which minute."""

    scrapes: list[Scrape]
    fires: frozenset[str]
    """At the last scrape."""
    lead: int
    """Minutes before the first scrape; no time that a metric has is longer ago."""


def check(expected: Mapping[str, Expected], folder: Path) -> dict[str, str]:
    """Return what promtool has to say against each drill; nothing if all is as expected."""
    tests: list[dict[str, Any]] = [
        {
            "name": name,
            "interval": "1m",
            "input_series": input_series(each.scrapes, NAMES, each.lead),
            "promql_expr_test": firing(
                name,
                each.lead + len(each.scrapes) - 1,
                {alert: SEVERITY[alert] for alert in each.fires},
            ),
        }
        for name, each in expected.items()
    ]
    output = _test(tests, folder)
    if not output:
        return {}
    parts = re.split(r"# (\w+)\"", output)
    return dict(zip(parts[1::2], parts[2::2], strict=True)) or {"promtool": output}


def evaluate(expressions: Sequence[str], scrapes: list[Scrape], folder: Path) -> dict[str, bool]:
    """Return for each expression whether it has a value at the last scrape."""
    names = frozenset(name for scrape in scrapes for name, _ in scrape.values)
    expected = [
        {
            "expr": f"count({each}) > bool 0 # {number} is empty",
            "eval_time": f"{len(scrapes)}m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for number, each in enumerate(expressions)
    ]
    series = input_series(scrapes, names, 1)
    test = {"interval": "1m", "input_series": series, "promql_expr_test": expected}
    output = _test([test], folder)
    empty = {int(number) for number in re.findall(r"# (\d+) is empty", output)}
    assert empty or not output, output
    return {each: number not in empty for number, each in enumerate(expressions)}


def _test(tests: list[dict[str, Any]], folder: Path) -> str:
    """Return what promtool prints if a test fails."""
    rule_files = [str(PROMETHEUS / name) for name in ("recording.yaml", "alerts.yaml")]
    content = {"rule_files": rule_files, "evaluation_interval": "1m", "tests": tests}
    file = folder / "tests.json"
    file.write_text(json.dumps(content))
    result = subprocess.run(
        [str(PROMTOOL), "test", "rules", file],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return result.stdout + result.stderr if result.returncode else ""
