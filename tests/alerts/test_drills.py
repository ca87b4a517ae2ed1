"""Each alert fires in a drill, and none fires that should not."""

from pathlib import Path

import pytest

from tests.alerts.drills import DRILLS, QUIET_MINUTES, Drill
from tests.alerts.promtool import PROMTOOL, WHY_NOT, Expected, check
from tests.alerts.rules import ALERTS
from tests.alerts.shop import Shop


async def run(drill: Drill) -> Expected:
    """Run a drill; return what was scraped and what must fire."""
    shop = Shop(**drill.shop)
    await shop.start()
    await shop.minutes(QUIET_MINUTES)
    await drill.fault(shop)
    return Expected(shop.scrapes, drill.fires, drill.lead)


@pytest.mark.skipif(PROMTOOL is None, reason=WHY_NOT)
async def test_each_drill_lets_its_alerts_fire_and_no_others(tmp_path: Path) -> None:
    expected = {name: await run(drill) for name, drill in DRILLS.items()}
    assert check(expected, tmp_path) == {}


def test_there_is_a_drill_for_each_alert() -> None:
    drilled = {alert for drill in DRILLS.values() for alert in drill.fires}
    assert drilled == {rule.alert for rule in ALERTS}
