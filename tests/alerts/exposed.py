"""What serve and worker export: every series after some minutes in which much happens."""

import re
from collections import defaultdict
from collections.abc import Mapping

from attrs import frozen

from adapters.clock import utc_now
from adapters.gateways.in_memory import GatewayFaultKind
from adapters.gateways.stripe.notifications import StripeNotificationReader
from adapters.messaging.wire import Message
from tests.alerts.rules import RECORDED, Parsed, Selector
from tests.alerts.series import Scrape
from tests.alerts.shop import Shop
from tests.checkpoints import proceed
from tests.entrypoints.http.world import signed_in

OPEN_ENDED = frozenset(
    {"job", "instance", "gateway", "code", "version", "stream", "consumer", "le"}
)
"""Labels whose values are those of a deployment."""


ALERTS_SERIES = "ALERTS"
"""Prometheus' own series of the alerts that are pending or firing."""


@frozen
class Exposed:
    """The label values of each metric, by the name of the label."""

    metrics: Mapping[str, Mapping[str, frozenset[str]]]
    scrapes: list[Scrape]

    def problems(self, parsed: Parsed) -> list[str]:
        """Return what an expression names that does not exist."""
        found = [problem for each in parsed.selectors for problem in self._problems(each)]
        labels = {label for each in parsed.selectors for label in self.labels(each.metric)}
        return [*found, *(f"by ({label})" for label in parsed.grouping - labels)]

    def labels(self, metric: str) -> frozenset[str]:
        """Return the names of a metric's labels."""
        return frozenset(self.metrics.get(metric, {}))

    def _problems(self, selector: Selector) -> list[str]:
        recorded = {rule.record for rule in RECORDED}
        if selector.metric in recorded:
            return [] if not selector.matchers else [f"{selector.metric} has no labels"]
        if selector.metric == ALERTS_SERIES:
            return []
        values = self.metrics.get(selector.metric)
        if values is None:
            return [f"{selector.metric} is not exported"]
        return [
            f"{selector.metric}{{{label}}} never matches {value}"
            for label, operator, value in selector.matchers
            if label not in values or not _matches(values[label], label, operator, value)
        ]


def _matches(values: frozenset[str], label: str, operator: str, value: str) -> bool:
    if label in OPEN_ENDED or value.startswith("$"):
        return True
    wanted = value.split("|") if operator in ("Re", "NotRe") else [re.escape(value)]
    return all(any(re.fullmatch(each, known) for known in values) for each in wanted)


async def collect() -> Exposed:
    """Let much happen in a shop, and return everything that it exports."""
    reader = StripeNotificationReader(("whsec_of_the_tests",), utc_now)
    shop = Shop(names=None, notification_readers={"stripe": reader})
    await shop.start()
    shop.broker.store(Message("order:created", b"{", {}))
    await shop.minutes(1)
    for token in ("tok_chargeDeclined", "pm_usBankAccount_processing", "tok_threeDSecureRequired"):
        shop.token = token
        await shop.minutes(1)
    shop.fault = GatewayFaultKind.UNREACHABLE
    await shop.minutes(1)
    shop.headers = {}
    await shop.customer_pays()
    shop.headers = {"authorization": "Bearer nonsense"}
    await shop.customer_pays()
    shop.headers = signed_in()
    await _have_a_bug(shop)
    await shop.app.post("/api/payments/webhooks/stripe", content=b"{}")
    await shop.minutes(1)
    values: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for scrape in shop.scrapes:
        for metric, labels in scrape.values:
            for label, value in labels:
                values[metric][label].add(value)
    return Exposed(
        {
            metric: {label: frozenset(each) for label, each in labels.items()}
            for metric, labels in values.items()
        },
        shop.scrapes,
    )


async def _have_a_bug(shop: Shop) -> None:
    async def bug(_step: str) -> None:
        raise RuntimeError("a bug")

    shop.checkpoint = bug
    await shop.app.get("/api/payments/any", headers=shop.headers)
    shop.checkpoint = proceed
