"""What an operator is told: of what does not get better by itself, and of nothing else."""

from datetime import timedelta

import pytest
from attrs import evolve
from prometheus_client import CollectorRegistry, generate_latest

from adapters.persistence.sql.backlog import Backlog
from domain.payment import PaymentStatus
from entrypoints.monitoring.alerts import EVENT_STUCK, STUCK, find_alerts
from entrypoints.monitoring.backlog_metrics import BacklogMetrics

A_MOMENT = timedelta(seconds=1)

BUSY = Backlog(
    unfinished={PaymentStatus.PROCESSING: 7, PaymentStatus.ABANDONED: 3},
    oldest_open=STUCK,
    refunds_under_way=2,
    refunds_failed=0,
    events_waiting=40,
    oldest_event=EVENT_STUCK,
    events_parked=0,
)


def test_a_busy_service_has_no_troubles() -> None:
    assert find_alerts(BUSY) == []


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (evolve(BUSY, oldest_open=STUCK + A_MOMENT), "open for"),
        (evolve(BUSY, oldest_event=EVENT_STUCK + A_MOMENT), "40 events wait"),
        (evolve(BUSY, unfinished={PaymentStatus.REVIEW: 1}), "1 payments are in review"),
        (evolve(BUSY, refunds_failed=2), "2 refunds were refused"),
        (evolve(BUSY, events_parked=3), "3 events could not be published"),
    ],
)
def test_each_trouble_is_told_in_one_line(seen: Backlog, word: str) -> None:
    (line,) = find_alerts(seen)
    assert word in line
    assert "\n" not in line


def test_the_gauges_show_how_the_books_stand() -> None:
    registry = CollectorRegistry()
    BacklogMetrics.on(registry).show(BUSY)
    shown = generate_latest(registry).decode().splitlines()
    assert 'payments_unfinished{status="processing"} 7.0' in shown
    assert 'payments_unfinished{status="review"} 0.0' in shown
    assert "payments_oldest_open_seconds 300.0" in shown
    assert 'payments_outbox_events{state="waiting"} 40.0' in shown
