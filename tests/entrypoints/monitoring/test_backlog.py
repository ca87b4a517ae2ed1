"""Alerts and metrics of the backlog: what an operator must handle, and nothing else."""

from datetime import timedelta

import pytest
from attrs import evolve
from prometheus_client import CollectorRegistry, generate_latest

from application.ports.backlog import Backlog
from domain.payment import PaymentStatus
from entrypoints.monitoring.alerts import MAX_EVENT_AGE, MAX_OPEN, find_alerts
from entrypoints.monitoring.backlog_metrics import BacklogMetrics

SECOND = timedelta(seconds=1)

BUSY = Backlog(
    unfinished={PaymentStatus.PROCESSING: 7, PaymentStatus.ABANDONED: 3},
    oldest_open=MAX_OPEN,
    refunds_pending=2,
    refunds_failed=0,
    events_waiting=40,
    oldest_event=MAX_EVENT_AGE,
    events_parked=0,
)


def test_a_busy_service_has_no_alerts() -> None:
    assert find_alerts(BUSY) == []


@pytest.mark.parametrize(
    ("backlog", "text"),
    [
        (evolve(BUSY, oldest_open=MAX_OPEN + SECOND), "open for 0:05:01"),
        (evolve(BUSY, oldest_event=MAX_EVENT_AGE + SECOND), "40 events wait"),
        (evolve(BUSY, unfinished={PaymentStatus.REVIEW: 1}), "1 payments are in review"),
        (evolve(BUSY, refunds_failed=2), "2 refunds failed"),
        (evolve(BUSY, events_parked=3), "3 events could not be published"),
    ],
    ids=["payment", "event", "review", "refund", "parked"],
)
def test_each_problem_is_one_alert_of_one_line(backlog: Backlog, text: str) -> None:
    (alert,) = find_alerts(backlog)
    assert text in alert
    assert "\n" not in alert


def test_the_gauges_show_the_backlog() -> None:
    registry = CollectorRegistry()
    BacklogMetrics.on(registry).set(BUSY)
    lines = generate_latest(registry).decode().splitlines()
    assert 'payments_unfinished{status="processing"} 7.0' in lines
    assert 'payments_unfinished{status="review"} 0.0' in lines
    assert "payments_oldest_open_seconds 300.0" in lines
    assert 'payments_refunds{state="pending"} 2.0' in lines
    assert 'payments_outbox_events{state="waiting"} 40.0' in lines
    assert "payments_outbox_oldest_seconds 60.0" in lines
