"""Compare the gateway's ledger, our database and the published events, at the end of each test."""

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from attrs import evolve

from adapters.clock import utc_now
from adapters.gateways.in_memory import GatewayLedger
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.stripe.amounts import from_stripe
from adapters.persistence.sql.tables import metadata
from domain.money import Money
from domain.order import Order
from payments_kit.simulation.model.orders import read_order_event
from payments_kit.simulation.model.reports import Reply
from payments_kit.simulation.snapshot import charges_at, refunds_at
from tests.promises import (
    Delivered,
    GatewayCharge,
    GatewayRefund,
    Observations,
    broken_promises,
)
from tests.system.api_client import Response
from tests.system.deployment import SECRETS
from tests.system.paypal_books import charges_of, refunds_of
from tests.system.shop_events import Message
from tests.system.system import System
from tests.system.waiting import eventually

# The longest time until a payment is abandoned (25 s), one check with a timeout (15 s), and much
# more on a busy machine.
REST_SECONDS: Final = 180.0

# How often everything is compared while work is in progress.
INTERVAL_SECONDS: Final = 0.25

# The beginnings of the card tokens that the tests use.
TOKENS: Final = ("tok_", "pm_card_")

NOT_CHARGED: Final = 503


async def assert_promises_kept(
    system: System,
    order_ids: Collection[str],
    responses: Sequence[Response] = (),
    timeout: float = REST_SECONDS,
) -> Observations:
    """Wait until nothing is in progress and every promise is kept; return what was compared."""

    async def are_kept() -> Observations:
        observed = await observe(system, order_ids, responses)
        assert not (broken := broken_promises(observed)), "\n".join(broken)
        return observed

    observed = await eventually(are_kept, timeout, INTERVAL_SECONDS)
    # Everything ever written is much text: it is searched for secrets only once.
    observed = evolve(observed, texts=await all_texts(system))
    assert not (broken := broken_promises(observed)), "\n".join(broken)
    return observed


async def observe(
    system: System, order_ids: Collection[str], responses: Sequence[Response] = ()
) -> Observations:
    wanted = set(order_ids)
    orders = await system.orders(*wanted) if wanted else []
    charges, refunds = await _ledger(system, wanted, orders)
    if system.paypal is not None:
        charges += (captured := charges_of(system.paypal, wanted))
        refunds += refunds_of(system.paypal, captured)
    order_events = [
        (message.data, read_order_event(message.subject, message.data))
        for message in await system.events.messages("order:created")
        if _order_id(message.data) in wanted
    ]
    dead_letters = {message.data for message in await system.events.dead_letters()}
    [(unpublished,)] = await system.query(
        "SELECT count(*) FROM outbox WHERE order_id = ANY($1) AND sent_at IS NULL", list(wanted)
    )
    return Observations(
        charges=charges,
        refunds=refunds,
        orders=orders,
        delivered=[_delivered(each) for each in await system.events.payment_events(wanted)],
        replies=[reply for response in responses if (reply := _recorded_reply(response))],
        acknowledged=[event for _, event in order_events if event is not None],
        malformed={data for data, event in order_events if event is None},
        dead_letters={data for data in dead_letters if _order_id(data) in wanted},
        unpublished=unpublished,
        secrets=(*SECRETS, *TOKENS, "_secret_"),
    )


async def all_texts(system: System) -> list[str]:
    """Return every table row, log and event in which a secret could appear."""
    events = await system.events.messages("payment:created")
    return [
        *[
            str(row[0])
            for table in metadata.sorted_tables
            for row in await system.query(f"SELECT t::text FROM {table.name} AS t")
        ],
        *(process.log for process in system.deployment.service_processes),
        *(f"{event.data!r} {event.headers}" for event in events),
    ]


async def _ledger(
    system: System, order_ids: set[str], orders: Sequence[Order]
) -> tuple[list[GatewayCharge], list[GatewayRefund]]:
    """Read the ledger of Stripe or the fake gateway, as the gateway reports it."""
    if system.deployment.gateway == "fake":
        # The records of the fake gateway are in our database.
        rows = await system.query(
            "SELECT payment_id, record::text FROM fake_gateway.records WHERE payment_id = ANY($1)",
            [payment.id for order in orders for payment in order.payments],
        )
        records = {key: msgspec.json.decode(record, type=GatewayRecord) for key, record in rows}
        fake = GatewayLedger(utc_now, records)
        return charges_at(fake), refunds_at(fake)
    ledger = await system.stripe.control("GET", "ledger")
    reported = [charge | charge["misreported"] for charge in ledger["charges"]]
    charges = [
        GatewayCharge(each["id"], each["metadata"]["payment_id"], _money(each, "amount_captured"))
        for each in reported
        if each["metadata"].get("order_id") in order_ids
        and each["status"] == "succeeded"
        and each["captured"]
    ]
    charge_ids = {charge.id for charge in charges}
    refunds = [
        GatewayRefund(each["charge"], _money(each, "amount"), each["metadata"].get("refund_id"))
        for each in ledger["refunds"]
        if each["charge"] in charge_ids and each["status"] == "succeeded"
    ]
    return charges, refunds


def _money(item: Any, name: str) -> Money:
    return from_stripe(item[name], item["currency"])


def _delivered(event: Message) -> Delivered:
    event_id, body = event.headers["Nats-Msg-Id"], event.body
    assert event.headers["ce-id"] == event_id
    return Delivered(event_id, event.subject, body["orderId"], body["id"], event.data)


def _recorded_reply(response: Response) -> Reply | None:
    """Return what the response contains about a payment; None if it names none."""
    body = response.body
    payment = body if "orderId" in body else body.get("payment")
    if payment is None:
        return None
    name, is_refused = str(payment["id"]), response.status == NOT_CHARGED
    started = (name,) if is_refused else ()
    return Reply(response.status, name, response.user_id, body=payment, started=started)


def _order_id(data: bytes) -> str | None:
    """Return the order's id in an order event that may be malformed otherwise."""
    found = re.search(rb'"id": ?"([^"]+)"', data)
    return found and found[1].decode(errors="replace")
