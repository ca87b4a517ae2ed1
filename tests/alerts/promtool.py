"""Run `promtool test rules` on drills."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
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
    rule_files = [str(PROMETHEUS / name) for name in ("recording.yaml", "alerts.yaml")]
    file = folder / "drills.json"
    content = {"rule_files": rule_files, "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(content))
    result = subprocess.run(
        [str(PROMTOOL), "test", "rules", file],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    output = result.stdout + result.stderr
    if result.returncode == 0:
        return {}
    parts = re.split(r"# (\w+)\"", output)
    return dict(zip(parts[1::2], parts[2::2], strict=True)) or {"promtool": output}
