"""The end of every test here: the gateway's ledger, our tables and what a consumer heard, compared."""

import json
import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from attrs import evolve

from adapters.gateways.gateway_record import AttemptState, GatewayRecord, RefundState
from adapters.gateways.stripe.amounts import from_stripe
from domain.errors import DomainError
from domain.identifiers import OrderId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.replica import OrderReplica, OrderStatus, Terms
from tests.promises import (
    ChargeThere,
    Delivered,
    Observations,
    RecordedReply,
    RefundThere,
    broken_promises,
)
from tests.system.customers import Answer
from tests.system.shop import Heard
from tests.system.site import SECRETS, Runtime
from tests.system.waiting import until

# The last of an abandoned payment's waits (25 s), one look that hangs (15 s), and some more.
REST_SECONDS: Final = 90.0

# Bank cards' stand-ins that these tests pay with; none may be found anywhere.
TOKENS: Final = ("tok_", "pm_card_")


async def holds(
    runtime: Runtime,
    order_ids: Collection[str],
    answers: Sequence[Answer] = (),
    within: float = REST_SECONDS,
) -> Observations:
    """Wait until these orders have come to rest and every promise is kept; what was found.

    Raises:
        AssertionError: a promise is still broken in the end; it names each.
    """

    async def look() -> Observations:
        found = await gather(runtime, order_ids, answers)
        broken = broken_promises(found)
        assert not broken, "\n".join(broken)
        return found

    await until(look, within, every=0.25)
    # All that has ever been written is a lot to search: once is enough.
    found = evolve(await look(), texts=await written(runtime))
    broken = broken_promises(found)
    assert not broken, "\n".join(broken)
    return found


async def gather(
    runtime: Runtime, order_ids: Collection[str], answers: Sequence[Answer] = ()
) -> Observations:
    """Everything there is to compare about these orders."""
    wanted = set(order_ids)
    orders = await runtime.orders(*wanted) if wanted else []
    charges, refunds = await _ledger(runtime, wanted, orders)
    heard = await runtime.shop.heard(wanted)
    said = [
        (each.data, _order(each))
        for each in await runtime.shop.messages("order:created")
        if _about(each.data) in wanted
    ]
    buried = {each.data for each in await runtime.shop.messages("payments.dead-letters.>")}
    [(unsent,)] = await runtime.rows(
        "SELECT count(*) FROM outbox WHERE order_id = ANY($1) AND sent_at IS NULL", list(wanted)
    )
    return Observations(
        charges=charges,
        refunds=refunds,
        orders=orders,
        seen=[_seen(each) for each in heard],
        answers=[given for answer in answers if (given := _given(answer))],
        acknowledged=[event for _, event in said if event is not None],
        unreadable={data for data, event in said if event is None},
        dead_letters={data for data in buried if _about(data) in wanted},
        unsent=unsent,
        secrets=(*SECRETS, *TOKENS, "_secret_"),
        texts=[f"{each.data!r} {each.headers}" for each in heard],
    )


async def written(runtime: Runtime) -> list[str]:
    """Everything of ours in which a secret could stand: tables, logs, events."""
    return [
        *await runtime.dump(),
        *(replica.log for replica in runtime.site.replicas),
        *(f"{each.data!r} {each.headers}" for each in await runtime.shop.heard()),
    ]


async def _ledger(
    runtime: Runtime, order_ids: set[str], orders: Sequence[Order]
) -> tuple[list[ChargeThere], list[RefundThere]]:
    """What stands in the gateway's books, as it reports them."""
    if runtime.site.gateway == "fake":
        return await _fake_ledger(runtime, orders)
    ledger = await runtime.gateway.tell("GET", "ledger")
    reported = [each | each["misreported"] for each in ledger["charges"]]
    charges = [
        ChargeThere(each["id"], each["metadata"]["payment_id"], _money(each, "amount_captured"))
        for each in reported
        if each["metadata"].get("order_id") in order_ids and each["status"] == "succeeded"
    ]
    ids = {charge.id for charge in charges}
    refunds = [
        RefundThere(each["charge"], _money(each, "amount"), each["metadata"].get("refund_id"))
        for each in ledger["refunds"]
        if each["charge"] in ids and each["status"] == "succeeded"
    ]
    return charges, refunds


def _money(it: Any, name: str) -> Money:
    return from_stripe(it[name], it["currency"])


def _seen(heard: Heard) -> Delivered:
    body = heard.body
    assert heard.headers["ce-id"] == heard.headers["Nats-Msg-Id"]
    return Delivered(
        heard.headers["Nats-Msg-Id"], heard.subject, body["orderId"], body["id"], heard.data
    )


def _given(answer: Answer) -> RecordedReply | None:
    """What a customer was told about a payment, if it was about one."""
    kinds = {201: "paid", 402: "declined", 503: "nothing done"}
    body = answer.body
    told = body if "orderId" in body else body.get("payment")
    if told is None:
        return None
    return RecordedReply(kinds.get(answer.status, "other"), str(told["id"]), answer.user_id)


def _about(data: bytes) -> str | None:
    """The order that an event is about, be the rest of it what it may."""
    found = re.search(rb'"id": ?"([^"]+)"', data)
    return found and found[1].decode(errors="replace")


def _order(heard: Heard) -> OrderReplica | None:
    """What an order event says, read with the plainest means there are; None if nobody can use it."""
    try:
        body = json.loads(heard.data, parse_float=Decimal)
        if heard.subject == "order:cancelled":
            return OrderReplica.cancelled(OrderId(body["id"]), body["version"])
        ticket = body["ticket"]
        if not isinstance(ticket["price"], int | Decimal):
            return None
        price = Money.from_major(
            Decimal(ticket["price"]), Currency(str(ticket.get("currency", "usd")))
        )
        terms = Terms(body["version"], UserId(body["userId"]), price, None)
    except (ValueError, KeyError, TypeError, DomainError):
        return None
    return OrderReplica.created(OrderId(body["id"]), terms, OrderStatus.CREATED)


async def _fake_ledger(
    runtime: Runtime, orders: Sequence[Order]
) -> tuple[list[ChargeThere], list[RefundThere]]:
    """What the fake gateway keeps beside our books."""
    rows = await runtime.rows(
        "SELECT payment_id, dossier::text FROM fake_gateway.dossiers WHERE payment_id = ANY($1)",
        [payment.id for bill in orders for payment in bill.payments],
    )
    charges, refunds = [], []
    for payment_id, text in rows:
        record = msgspec.json.decode(text, type=GatewayRecord)
        charges += [
            ChargeThere(attempt.charge_id, payment_id, attempt.amount)
            for attempt in record.attempts
            if attempt.state is AttemptState.SUCCEEDED
        ]
        refunds += [
            RefundThere(given.charge_id, given.amount, given.refund_id)
            for given in record.given
            if given.state is RefundState.SUCCEEDED
        ]
    return charges, refunds
