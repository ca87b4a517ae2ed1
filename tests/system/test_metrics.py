"""What real processes export has every metric of the rules and the dashboard."""

from entrypoints.composition.worker import open_worker
from entrypoints.http.probes import metrics_text
from entrypoints.settings import read_settings
from tests.alerts.rules import NAMES, RECORDED, parse
from tests.alerts.shop import samples
from tests.alerts.test_dashboard import expressions
from tests.system.system import System

OF_PROMETHEUS = frozenset({"up", "ALERTS", *(str(rule.record) for rule in RECORDED)})

SEEN_LATER = frozenset(
    {
        *("payments_declines_total", "payments_notifications_refused_total"),
        *("payments_inbound_events_total", "payments_inbound_events_waiting"),
        "payments_worker_last_success_timestamp_seconds",
        "payments_worker_failures_total",
    }
)
"""Those whose labels are known only once something has happened: a decline, a run, an event."""


async def test_serve_and_worker_export_what_rules_and_dashboard_read(system: System) -> None:
    paid = await system.api.pay(await system.create_order())
    assert paid.status == 201, paid
    texts = [(await system.api.get("/metrics")).content.decode()]
    async with open_worker(read_settings(system.deployment.environment())) as (_, probes):
        texts.append(metrics_text(probes.registry)[0].decode())
    exported = {name for text in texts for name, _, _ in samples(text, None)}
    of_board = {each.metric for _, text in expressions() for each in parse(text).selectors}
    read = (NAMES | of_board) - OF_PROMETHEUS
    declared = {line.split()[2] for text in texts for line in text.splitlines() if "# TYPE" in line}
    assert read - SEEN_LATER - exported == set()
    assert declared >= SEEN_LATER
