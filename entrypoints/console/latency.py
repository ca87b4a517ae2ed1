"""How long requests to pay took, from the metrics of this process."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from htpy import Node, p
from prometheus_client import CollectorRegistry

from entrypoints.console.charts import Series, stacked_columns

_METRIC: Final = "payments_http_request_seconds"
_LABELS: Final = {"method": "POST", "route": "/api/payments"}
_EMPTY: Final = "No payment was made through this process yet."
_SLOW: Final = 1.0
"""Seconds; Stripe answers a charge in about 0.3."""


def latency_chart(registry: CollectorRegistry) -> Node:
    """Return how many requests took how long since the process started."""
    bounds, counts = _buckets(registry)
    labels = [_label(each) for each in bounds]
    quick = [number if bound <= _SLOW else 0 for bound, number in zip(bounds, counts, strict=True)]
    slow = [all_ - fast for all_, fast in zip(counts, quick, strict=True)]
    series = [Series("Up to a second", "good", quick), Series("Slower", "wait", slow)]
    chart = stacked_columns("Requests to pay by their duration", labels, series, 1, _EMPTY)
    if not any(counts):
        return chart
    half, most = _percentile(bounds, counts, 0.5), _percentile(bounds, counts, 0.95)
    text = f"Half took at most {half}, 95 % at most {most}. This process, since its start."
    return [chart, p(class_="hint")[text]]


def _buckets(registry: CollectorRegistry) -> tuple[Sequence[float], Sequence[float]]:
    """Return the upper bounds of the buckets, and how many requests are in each."""
    found = {
        float(sample.labels["le"]): sample.value
        for metric in registry.collect()
        if metric.name == _METRIC
        for sample in metric.samples
        if sample.name == f"{_METRIC}_bucket" and _LABELS.items() <= sample.labels.items()
    }
    bounds = sorted(found)
    cumulated = [0.0, *(found[each] for each in bounds)]
    return bounds, [after - before for before, after in pairwise(cumulated)]


def _percentile(bounds: Sequence[float], counts: Sequence[float], part: float) -> str:
    reached = 0.0
    for bound, number in zip(bounds, counts, strict=True):
        reached += number
        if reached >= part * sum(counts):
            return _label(bound)
    return _label(bounds[-1])


def _label(bound: float) -> str:
    if bound == float("inf"):
        return "more"
    return f"{bound * 1000:.0f} ms" if bound < 1 else f"{bound:g} s"
