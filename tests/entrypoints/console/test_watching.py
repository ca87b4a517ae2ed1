"""Operators see what is unfinished, and what the last day was like."""

from collections import Counter
from datetime import timedelta
from typing import cast

import httpx
import pytest
from htpy import div
from litestar import Litestar
from prometheus_client import CollectorRegistry

from application.ports.alerts import AlertKind
from application.ports.differences import Difference, DifferenceKind
from application.ports.payment_gateway import CardToken
from domain.identifiers import OrderId, PaymentId
from domain.payment_status import PaymentStatus
from entrypoints.console import live, overview
from entrypoints.console.latency import latency_chart
from entrypoints.console.operators import LIMITS
from entrypoints.http import server
from entrypoints.http.metrics import Metrics
from tests.builders import ORDER, dollars
from tests.entrypoints.console.stories import HOSTILE, STORY, a_world, fill
from tests.entrypoints.console.world import ConsoleWorld, Visitor
from tests.entrypoints.http.world import pay

DECLINED = CardToken("tok_chargeDeclinedLostCard")


def a_difference(world: ConsoleWorld, subject: str = "ch_1") -> Difference:
    return Difference(
        kind=DifferenceKind.AMOUNT,
        gateway="in_memory",
        livemode=False,
        subject=subject,
        at=world.now(),
        order_id=OrderId(ORDER),
        payment_id=PaymentId("payment-1"),
        ours="1000 usd",
        theirs=HOSTILE,
        reason="the amounts differ",
    )


async def test_a_service_without_payments_has_a_page(visitor: Visitor) -> None:
    await visitor.get("/ops")
    for each in ("No payment was made in the last 24 hours.", "No payment was declined."):
        assert each in visitor.text
    assert "In review 0" in visitor.text
    assert "What needs you" not in visitor.text


async def test_payments_are_counted_by_hour_and_declines_by_code(
    world: ConsoleWorld,
) -> None:
    await world.pay(DECLINED)
    world.advance(hours=2)
    await world.pay()
    visitor = await world.operator()
    await visitor.get("/ops")
    assert "12:00: 1 failed" in visitor.html
    assert "14:00: 1 succeeded" in visitor.html
    assert "lost_card 1" in visitor.text
    assert 'aria-label="Payments by hour (UTC): 1 succeeded, 0 authorized' in visitor.html


async def test_counts_of_a_day_are_shown_again_for_a_while(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get("/ops")
    await world.pay()
    await visitor.get("/ops")
    assert "No payment was made in the last 24 hours." in visitor.text
    world.advance(minutes=1)
    await visitor.get("/ops")
    assert "1 succeeded" in visitor.html


async def test_too_many_payments_to_count_leave_the_rest_of_the_page(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    world.failing.add("count payments")
    assert (await visitor.get("/ops")).status_code == 200
    assert "There are too many payments to count them in time." in visitor.text


async def test_the_latency_is_that_of_this_process(world: ConsoleWorld, visitor: Visitor) -> None:
    await visitor.get("/ops")
    assert "No payment was made through this process yet." in visitor.text
    assert (await pay(visitor.client)).status_code == 201
    await visitor.get("/ops")
    assert "Half took at most" in visitor.text


def test_a_part_of_the_requests_took_at_most_as_long_as_the_slowest_of_them() -> None:
    registry = CollectorRegistry()
    metrics = Metrics.on(registry)
    for seconds in (0.09, 0.9):
        metrics.count_request("POST", "/api/payments", 201, seconds)
    assert "Half took at most 100 ms, 95 % at most 1 s." in str(div[latency_chart(registry)])


def test_every_status_is_in_one_series_of_the_chart() -> None:
    counted = Counter(each for _, _, statuses in overview._SERIES for each in statuses)
    assert counted == Counter(PaymentStatus)


async def test_figures_are_sent_while_the_page_is_open(
    world: ConsoleWorld, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SECONDS", 0.0)
    world.faults.mischarge(dollars("1"))
    await world.pay()
    sent = await visitor.get("/ops/live")
    assert sent.headers["content-type"].startswith("text/event-stream")
    assert visitor.html.count("event: figures\n") == live.LIFETIME
    assert "In review" in visitor.html


async def test_an_open_page_does_not_delay_a_stop_that_waits_for_no_balancer(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SECONDS", 0.01)
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.01)
    app = cast(httpx.ASGITransport, visitor.client._transport).app
    await server._drain(cast(Litestar, app), server._Stop(), seconds=0)
    await visitor.get("/ops/live")
    assert visitor.html.count("event: figures\n") == 1


async def test_a_figure_leads_to_payments_that_it_counts(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await world.pay(CardToken("tok_threeDSecureRequired"))
    await visitor.get("/ops")
    assert "Without an outcome 1" in visitor.text
    assert 'href="/ops/payments?status=requires_action"' in visitor.html


async def test_to_wait_for_figures_is_no_use_of_the_session(
    world: ConsoleWorld, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SECONDS", 0.0)
    world.pass_time(LIMITS.idle - timedelta(minutes=1))
    assert (await visitor.get("/ops/live")).status_code == 200
    world.pass_time(timedelta(minutes=1))
    assert (await visitor.get("/ops/live")).status_code == 204
    assert (await visitor.get("/ops")).status_code == 303


async def test_what_needs_an_operator_is_named_with_the_next_step(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    world.faults.mischarge(dollars("1"))
    await world.pay()
    await world.alerts.report(AlertKind.GATEWAY_REFUSAL, "in_memory", HOSTILE)
    await world.alerts.flush()
    await visitor.get("/ops")
    assert "payment in review" in visitor.text
    await visitor.get("/ops/health")
    assert "→ compare the charge with the order" in visitor.text
    assert "Gateway refusal" in visitor.text
    assert "<script>alert" not in visitor.html


async def test_the_outbox_and_the_lag_of_consumers_are_shown(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    await visitor.get("/ops/health")
    assert "Nothing needs an operator." in visitor.text
    assert "No worker has read events of others yet." in visitor.text
    world.broker.subscribe("payments", "order:created")
    world.advance(minutes=5)
    await world.pay()
    world.advance(minutes=5)
    await visitor.get("/ops/health")
    assert "Waiting to be published 1 The oldest waits for 5 minutes" in visitor.text
    assert "EVENTS payments 0 0" in visitor.text


async def test_without_nats_the_rest_of_the_health_is_shown(
    world: ConsoleWorld, visitor: Visitor
) -> None:
    world.failing.add("broker")
    assert (await visitor.get("/ops/health")).status_code == 200
    assert "Nothing is known about our consumers in NATS: the broker is down" in visitor.text


async def test_differences_are_listed_page_by_page(world: ConsoleWorld, visitor: Visitor) -> None:
    await visitor.get("/ops/differences")
    assert "The gateways' books and ours agree" in visitor.text
    for number in range(3):
        await world.differences.record([a_difference(world, f"ch_{number}")])
        world.advance(minutes=1)
    await visitor.get("/ops/differences?limit=2")
    assert "ch_0" in visitor.text
    assert "ch_2" not in visitor.text
    assert "<script>alert" not in visitor.html
    link = visitor.html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    await visitor.get(f"/ops/differences{link}")
    assert "ch_2" in visitor.text


async def test_a_bad_page_of_differences_is_named(visitor: Visitor) -> None:
    for query in ("limit=10000", "cursor=abc", "cursor=W10", "x=y"):
        assert (await visitor.get(f"/ops/differences?{query}")).status_code == 400


async def test_refunds_disputes_and_references_lead_to_their_order() -> None:
    world = a_world()
    await fill(world)
    visitor = await world.operator()
    order = world.order(STORY)
    for any_id in (order.refunds[0].id, order.disputes[0].id, order.payments[-1].reference):
        found = await visitor.get(f"/ops/search?q={any_id}")
        assert found.headers["location"].startswith(f"/ops/orders/{STORY}")
