"""A payment is one trace, from its request to the consumers of its event."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from tests.builders import PAYER
from tests.entrypoints.tracing.recorded import Recorded, attributes, is_ok
from tests.entrypoints.tracing.shop import (
    COOKIE,
    PARENT,
    SESSION,
    TOKEN,
    TRACE,
    TRACEPARENT,
    running_shop,
)
from tests.system.comparison import TOKENS
from tests.system.deployment import SECRETS

CALL = "stripe charge"
ANNOUNCED = "process payment:created"
ORDER_ID = "payments.order_id"


def tree(spans: Sequence[ReadableSpan], parent: int) -> list[object]:
    """Return the spans below one, in the order of their starts: each is its name and its children.

    Statements are told by their operation.
    """
    children = [each for each in spans if each.parent and each.parent.span_id == parent]
    children.sort(key=lambda each: each.start_time or 0)
    return [
        [
            attributes(each).get("db.operation.name", each.name),
            *tree(spans, each.context.span_id if each.context else 0),
        ]
        for each in children
    ]


async def test_a_payment_is_one_trace_through_all_processes(
    database_url: str, nats_url: str
) -> None:
    recorded = Recorded.new()
    async with running_shop(database_url, nats_url, recorded.tracing) as shop:
        order_id = await shop.create_order()
        paid = await shop.pay(order_id, traceparent=TRACEPARENT, tracestate="shop=1")
        await recorded.find(ANNOUNCED, when=lambda _: True)

    payment = [each for each in recorded.spans if each.context.trace_id == int(TRACE, 16)]
    assert paid.status_code == 201
    assert tree(payment, int(PARENT, 16)) == [
        [
            "POST /api/payments",
            ["SELECT"],
            ["UPDATE"],
            [CALL],
            ["UPDATE"],
            ["send payment:created", [ANNOUNCED]],
        ]
    ]
    kinds = {each.name: each.kind for each in payment}
    assert kinds["POST /api/payments"] is SpanKind.SERVER
    assert kinds[CALL] is SpanKind.CLIENT
    assert kinds["send payment:created"] is SpanKind.PRODUCER
    assert kinds[ANNOUNCED] is SpanKind.CONSUMER
    assert {each.status.status_code for each in payment} == {StatusCode.UNSET}
    assert {each.context.trace_state.get("shop") for each in payment if each.name == CALL} == {"1"}
    call = next(attributes(each) for each in payment if each.name == CALL)
    assert call == {
        "payments.gateway": "stripe",
        "payments.operation": "charge",
        "payments.order_id": order_id,
        "payments.payment_id": paid.json()["id"],
        "payments.outcome": "charged",
        "server.address": "127.0.0.1",
        "server.port": int(shop.stripe.url.rpartition(":")[2]),
    }


async def test_what_went_wrong_is_an_error_and_nothing_secret_is_in_a_span(
    database_url: str, nats_url: str
) -> None:
    recorded = Recorded.new()
    async with running_shop(database_url, nats_url, recorded.tracing) as shop:
        declined, unknown = await shop.create_order(), await shop.create_order()
        await shop.pay(declined, "tok_chargeDeclined")
        shop.stripe.faults.add("reset_after", "payment_intents", about="confirm")
        processing = await shop.pay(unknown)
        await shop.client.get(f"/api/payments/{TOKENS[0]}visa", headers={"cookie": SESSION})
        await shop.client.post("/api/payments/webhooks/stripe", content=b"{}")
        await shop.client.get(f"/nowhere/{PAYER}@example.com?token={TOKENS[0]}visa")
        await shop.events.publish("order:created", {"id": "x", "email": "a@b.example"})
        letter = await recorded.find("process order:created", when=lambda each: not is_ok(each))

    def call(order_id: str) -> ReadableSpan:
        of_order = [each for each in recorded.spans if attributes(each).get(ORDER_ID) == order_id]
        return next(each for each in of_order if each.name == CALL)

    assert is_ok(call(declined))
    assert attributes(call(declined))["payments.outcome"] == "declined"
    assert attributes(call(declined))["payments.outcome_code"] == "generic_decline"
    assert processing.status_code == 202
    assert not is_ok(call(unknown))
    assert attributes(call(unknown))["error.type"] == "OutcomeUnknown"
    assert attributes(call(unknown))["payments.outcome"] == "unknown"
    assert attributes(letter)["error.type"] == "dead_letter"
    names = {each.name for each in recorded.spans}
    assert {"GET", "GET /api/payments/{payment_id}"} <= names
    assert "POST /api/payments/webhooks/{gateway}" in names
    everything = "\n".join(map(str, (each.to_json() for each in recorded.spans)))
    for secret in (*SECRETS, *TOKENS, "_secret_", COOKIE, TOKEN, "example.com", "b.example"):
        assert secret not in everything
