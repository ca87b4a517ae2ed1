"""Problems and metrics: what an operator must handle, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve
from prometheus_client import CollectorRegistry, generate_latest

from application.ports.alerts import Alert, AlertKind
from application.ports.backlog import MAX_COUNTED, Backlog, BacklogItem, BacklogKind
from domain.payment_status import PaymentStatus
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.next_steps import NEXT_STEPS
from entrypoints.monitoring.problems import MAX_AGES, alert_problems, backlog_problems
from tests.builders import NOW
from tests.world import World

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)

BUSY = Backlog(
    unfinished={PaymentStatus.PROCESSING: 7, PaymentStatus.ABANDONED: 3},
    oldest_open=timedelta(minutes=5),
    oldest_pending=None,
    refunds_pending=2,
    oldest_refund=timedelta(hours=1),
    refunds_failed=0,
    events_waiting=40,
    oldest_event=timedelta(minutes=1),
    events_parked=0,
    notifications_deferred=1,
    oldest_deferred=timedelta(minutes=2),
    notifications_unusable=0,
)


def an_item(
    kind: BacklogKind, age: timedelta, number: int = 1, detail: str = "detail"
) -> BacklogItem:
    return BacklogItem(kind, f"id-{number}", f"parent-{number}", detail, NOW - age, age)


def an_alert(subject: str, kind: AlertKind = AlertKind.CLOCK_SKEW, count: int = 1) -> Alert:
    return Alert(kind, subject, "10 s behind", NOW, NOW + SECOND, count)


def test_a_busy_service_has_no_problems() -> None:
    items = [an_item(kind, age) for kind, age in MAX_AGES.items()]
    assert list(backlog_problems(BUSY, items)) == []
    assert list(alert_problems([])) == []


IN_REVIEW = {PaymentStatus.REVIEW: 1}


@pytest.mark.parametrize(
    ("kind", "backlog", "text"),
    [
        (
            BacklogKind.PAYMENT_OPEN,
            BUSY,
            "payment without an outcome id-1 of order parent-1 (detail) since",
        ),
        (
            BacklogKind.PAYMENT_PENDING,
            evolve(BUSY, unfinished={PaymentStatus.PENDING: 1}),
            "payment pending for too long id-1 of order parent-1 (detail) since",
        ),
        (
            BacklogKind.PAYMENT_IN_REVIEW,
            evolve(BUSY, unfinished=IN_REVIEW),
            "payment in review id-1 of order parent-1 (detail) since",
        ),
        (
            BacklogKind.REFUND_FAILED,
            evolve(BUSY, refunds_failed=1),
            "failed refund id-1 of payment parent-1 (detail) since",
        ),
        (
            BacklogKind.REFUND_PENDING,
            BUSY,
            "refund pending for long id-1 of payment parent-1 (detail) since",
        ),
        (BacklogKind.EVENT_WAITING, BUSY, "event not published id-1 of order parent-1 (detail)"),
        (
            BacklogKind.EVENT_PARKED,
            evolve(BUSY, events_parked=1),
            "parked event id-1 of order parent-1 (detail) since",
        ),
        (
            BacklogKind.NOTIFICATION_DEFERRED,
            BUSY,
            "deferred notification id-1 of charge parent-1 (detail) since",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, BacklogKind) else "",
)
def test_each_problem_is_one_line_with_ids_time_and_next_step(
    kind: BacklogKind, backlog: Backlog, text: str
) -> None:
    age = MAX_AGES.get(kind, DAY) + SECOND
    (problem,) = backlog_problems(backlog, [an_item(kind, age)])
    assert problem.line.startswith(text)
    assert f"since {NOW - age:%Y-%m-%d %H:%M:%S} UTC" in problem.line
    assert problem.line.endswith(f"{NEXT_STEPS[kind.value]} (docs/runbook.md#{kind.value})")
    assert "\n" not in problem.line


@pytest.mark.parametrize(
    ("count", "rest"),
    [(3, ""), (5, "; and 2 more"), (MAX_COUNTED + 1, "; and more than 10,000 more")],
)
def test_a_line_names_a_few_ids_and_says_how_many_more_there_are(count: int, rest: str) -> None:
    items = [an_item(BacklogKind.REFUND_FAILED, DAY, number) for number in range(3)]
    (problem,) = backlog_problems(evolve(BUSY, refunds_failed=count), items)
    assert all(f"id-{number} of payment" in problem.text for number in range(3))
    assert problem.text.endswith(f"UTC{rest}")


def test_payments_that_wait_for_something_else_do_not_count_as_without_an_outcome() -> None:
    others = {PaymentStatus.REVIEW: 2, PaymentStatus.PENDING: 4, PaymentStatus.AUTHORIZED: 50}
    backlog = evolve(BUSY, unfinished={**BUSY.unfinished, **others})
    (problem,) = backlog_problems(backlog, [an_item(BacklogKind.PAYMENT_OPEN, DAY)])
    assert problem.text.endswith("; 10 are not finished in all")


def test_one_line_for_each_kind_of_alert() -> None:
    alerts = [an_alert(f"host-{number}", count=5 - number) for number in range(5)]
    refused = an_alert("stripe", AlertKind.GATEWAY_REFUSAL)
    by_name = {each.name: each.text for each in alert_problems([*alerts, refused])}
    assert by_name.keys() == {"clock_skew", "gateway_refusal"}
    skew, refusal = by_name["clock_skew"], by_name["gateway_refusal"]
    assert skew.startswith(f"clock skew: host-0: 10 s behind (since {NOW:%Y-%m-%d %H:%M:%S} UTC, ")
    assert "5 times); host-1" in skew
    assert skew.endswith("; and 2 more")
    assert refusal.startswith("gateway refusal: stripe: 10 s behind")
    assert refusal.endswith("once)")


def test_the_gauges_show_the_backlog() -> None:
    registry = CollectorRegistry()
    BacklogMetrics.on(registry).set(BUSY)
    lines = generate_latest(registry).decode().splitlines()
    assert 'payments_unfinished{status="processing"} 7.0' in lines
    assert 'payments_unfinished{status="review"} 0.0' in lines
    assert "payments_oldest_open_seconds 300.0" in lines
    assert 'payments_refunds{state="pending"} 2.0' in lines
    assert "payments_refunds_oldest_seconds 3600.0" in lines
    assert 'payments_outbox_events{state="waiting"} 40.0' in lines
    assert "payments_outbox_oldest_seconds 60.0" in lines
    assert "payments_notifications_deferred 1.0" in lines
    assert "payments_notifications_oldest_seconds 120.0" in lines


async def test_a_gauge_counts_the_subjects_of_each_kind_of_alert() -> None:
    world, registry = World(), CollectorRegistry()
    metrics = AlertMetrics.on(registry)
    for subject in ("host-1", "host-2", "host-2"):
        await world.alerts.report(AlertKind.CLOCK_SKEW, subject, "10 s behind")
    await metrics.refresh(world.alerts)
    lines = generate_latest(registry).decode().splitlines()
    assert 'payments_alerts{kind="clock_skew"} 2.0' in lines
    assert 'payments_alerts{kind="charged_twice"} 0.0' in lines


@pytest.mark.parametrize(
    ("seconds", "problem"),
    [
        (0.0, None),
        (-2.0, None),
        (2.1, "the clock of host-1 is 2 s ahead of the database's"),
        (-600.0, "the clock of host-1 is 600 s behind the database's"),
        (86400.0, "the clock of host-1 is 86,400 s ahead of the database's"),
    ],
)
async def test_a_host_whose_clock_differs_from_the_databases_by_seconds_is_an_alert(
    seconds: float, problem: str | None
) -> None:
    world = World()
    watch = ClockWatch(
        "host-1", lambda: world.time + timedelta(seconds=seconds), world.now, world.alerts
    )
    await watch.check()
    assert watch.problem == problem
    found: Sequence[Alert] = await world.alerts.list_current()
    assert [(alert.kind, alert.subject, alert.text) for alert in found] == (
        [(AlertKind.CLOCK_SKEW, "host-1", problem)] if problem else []
    )
