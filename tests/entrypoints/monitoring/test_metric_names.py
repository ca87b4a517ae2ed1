"""Metrics are named by Prometheus's conventions (https://prometheus.io/docs/practices/naming/)."""

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from entrypoints.http.metrics import Metrics
from entrypoints.http.probes import metrics_text
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.dead_letter_metrics import DeadLetterMetrics
from entrypoints.worker.metrics import WorkerMetrics
from tests.world import World

# Of a unit that is no base unit, or of what a client library appends itself.
UNUSUAL = re.compile(r"_(ms|milliseconds|minutes|hours|percent|kilobytes|count|sum|bucket|info)$")


def registries() -> Iterator[CollectorRegistry]:
    """Yield the registry of `serve` and that of a worker."""
    world = World()
    for of_process in (Metrics.on, WorkerMetrics.on):
        registry = CollectorRegistry()
        of_process(registry)
        BacklogMetrics.on(registry)
        AlertMetrics.on(registry)
        DeadLetterMetrics.on(registry)
        ClockWatch("host", world.now, world.now, world.alerts).export(registry)
        yield registry


def families() -> list[Metric]:
    """Return the metrics that are ours."""
    found = [
        family
        for registry in registries()
        for family in text_string_to_metric_families(  # type: ignore[no-untyped-call]
            metrics_text(registry, "application/openmetrics-text")[0].decode()
        )
    ]
    return [each for each in found if not each.name.startswith("process_")]


def test_every_metric_has_our_prefix_a_base_unit_and_a_sentence_of_help() -> None:
    assert len(families()) > 20
    for each in families():
        assert re.fullmatch(r"payments(_[a-z]+)+", each.name), each.name
        assert not UNUSUAL.search(each.name), each.name
        assert each.documentation.endswith("."), each.name


def test_durations_and_times_are_in_seconds_and_counters_are_totals() -> None:
    for each in families():
        is_time = re.search(r"_(oldest|newest|duration|age|offset|timestamp)(_|$)", each.name)
        assert not is_time or each.name.endswith("_seconds"), each.name
        assert (each.type == "counter") == any(
            sample.name == f"{each.name}_total" for sample in each.samples
        ) or not each.samples, each.name
