"""Hand-made histories of a shop in which every promise is kept, and what they are made of."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import evolve

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import (
    BookedDispute,
    BookedOrder,
    BookedPayment,
    BookedRefund,
    Charge,
    Event,
    History,
    OrderEvent,
)
from payments_kit.simulation.model.reports import GivenBack, Hold, Reply

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRICE: Final = Amount(10_000, "usd")
LESS: Final = Amount(9_900, "usd")
MONEY: Final[dict[str, Any]] = {"amount": 10_000, "currency": "usd"}


UNTIL: Final = NOW + timedelta(days=7)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def payment(number: int = 1, status: str = "succeeded", **changes: Any) -> BookedPayment:
    """Return a payment; it has a charge if its status says so."""
    is_captured = status in ("succeeded", "reversed", "review")
    charge_id, captured = (f"ch_{number}", PRICE) if is_captured else (None, None)
    row = BookedPayment(f"p{number}", "u1", status, PRICE, charge_id, captured, None, NOW, "fake")
    return row._replace(**changes)


def manual(number: int = 1, status: str = "authorized", **changes: Any) -> BookedPayment:
    """Return a payment that was authorised first."""
    held: dict[str, Any] = {"charge_id": f"ch_{number}", "authorized_until": UNTIL}
    return payment(number, status, **{"is_manual": True, **held, **changes})


def order(
    *payments: BookedPayment,
    refunds: tuple[BookedRefund, ...] = (),
    disputes: tuple[BookedDispute, ...] = (),
    status: str = "complete",
    **changes: Any,
) -> BookedOrder:
    return BookedOrder("o1", 0, status, "u1", PRICE, payments, refunds, disputes)._replace(
        **changes
    )


def charge(number: int = 1, **changes: Any) -> Charge:
    made = Charge(f"ch_{number}", f"p{number}", PRICE, "o1", after(1), NOW)
    return made._replace(**changes)


def refund(number: int = 1, status: str = "succeeded", payment: int = 1) -> BookedRefund:
    return BookedRefund(f"r{number}", f"p{payment}", f"ch_{payment}", PRICE, status, "asked")


def event(subject: str, number: int = 1, /, **body: Any) -> Event:
    name = f"p{number}"
    return Event(f"{subject}:{name}", f"payment:{subject}", {"id": name, "orderId": "o1", **body})


def refunded(number: int = 1, payment: int = 1) -> Event:
    body = {"refundId": f"r{number}", "stripeId": f"ch_{payment}", "reason": "asked", **MONEY}
    return event("refunded", payment, **body)._replace(id=f"refunded:r{number}")


def created(number: int = 1) -> Event:
    return event("created", number, stripeId=f"ch_{number}", gateway="fake", **MONEY)


def letter(announced: Event) -> bytes:
    """Return the dead letter of an event of ours."""
    return json.dumps(announced.body).encode()


def authorized(number: int = 1) -> Event:
    charge_id = f"ch_{number}"
    named = {"stripeId": charge_id, "chargeId": charge_id, "gateway": "fake"}
    return event("authorized", number, expiresAt=UNTIL.isoformat(), **named, **MONEY)


def voided(reason: str = "voided") -> Event:
    return event("voided", reason=reason, **MONEY)


def expiring(hours_before: float = 24) -> Event:
    announced = event("expiring", expiresAt=UNTIL.isoformat())
    return announced._replace(at=UNTIL - timedelta(hours=hours_before))


def held(end: str, **changes: Any) -> Hold:
    return Hold("ch_1", "p1", end, UNTIL)._replace(**changes)


def failed(number: int = 1, code: str = "card_declined") -> Event:
    return event("failed", number, code=code)


def declined(number: int = 1) -> BookedPayment:
    return payment(number, "failed", code="card_declined")


def reply(status: int = 201, number: int = 1, /, **body: Any) -> Reply:
    name = f"p{number}"
    return Reply(status, name, "u1", order_id="o1", body={"id": name, **body}, started=(name,))


TERMS: Final = OrderEvent("o1", 0, user_id="u1", price=PRICE)
CANCELLED: Final = OrderEvent("o1", 1, is_cancelled=True)
PENDING_EVENT: Final = event("pending", gateway="fake", **MONEY)

EMPTY: Final = History(orders=[order(status="created")], order_events=[TERMS])
PAID: Final = History(
    charges=[charge()],
    orders=[order(payment())],
    events=[created(), created()],
    committed=["created:p1"],
    replies=[reply(orderId="o1", chargeId="ch_1", stripeId="ch_1", status="succeeded", **MONEY)],
    order_events=[TERMS],
)
GIVEN_BACK: Final = evolve(
    PAID,
    refunds=[GivenBack("ch_1", PRICE, "r1")],
    orders=[order(payment(), refunds=(refund(),), status="cancelled", version=1)],
    events=[created(), refunded()],
    committed=["created:p1", "refunded:r1"],
    order_events=[CANCELLED, TERMS],
)
CANCELLED_MEANWHILE: Final = evolve(
    GIVEN_BACK,
    orders=[order(payment(1, "reversed"), refunds=(refund(),), status="cancelled", version=1)],
    events=[refunded()],
    replies=[reply(400)],
)
DECLINED_FIRST: Final = evolve(
    PAID,
    charges=[charge(2)],
    orders=[order(declined(), payment(2))],
    events=[failed(), created(2)],
    committed=["failed:p1", "created:p2"],
    replies=[reply(402), reply(201, 2), Reply(409, "p2", "u1", order_id="o1")],
)
ABANDONED_FIRST: Final = evolve(
    PAID, events=[failed(code="abandoned"), created()], committed=["failed:p1", "created:p1"]
)
PENDING_FIRST: Final = evolve(
    PAID,
    events=[PENDING_EVENT, created()],
    committed=["pending:p1", "created:p1"],
    replies=[reply(202, status="pending")],
)
NEVER_SENT: Final = evolve(
    EMPTY,
    orders=[order(payment(1, "abandoned", code="not_sent"), status="created")],
    replies=[Reply(503, None, "u1", started=("p1",)), Reply(422, None, "u1", started=("p1",))],
)
CALLED_OFF: Final = evolve(
    EMPTY,
    orders=[order(payment(1, "cancelled", code="cancelled"), status="created")],
    events=[failed(code="cancelled")],
    replies=[Reply(200, "p1", "u1", "cancel"), Reply(200, "p1", "u1", "read")],
)
IN_REVIEW: Final = evolve(
    EMPTY,
    charges=[charge(amount=LESS)],
    orders=[order(payment(1, "review", captured=LESS), status="created")],
)
ACCEPTED: Final = evolve(
    IN_REVIEW,
    orders=[order(payment(captured=LESS))],
    events=[created()._replace(body={**created().body, "amount": 9_900})],
    replies=[Reply(200, "p1", None, "review", body={"status": "succeeded"})],
    reviewed=["p1"],
)
SHIPPED: Final = OrderEvent("o1", 0, is_shipped=True, shipped=9_900, published_at=after(60))
AUTHORIZED: Final = evolve(
    EMPTY,
    charges=[charge(state="held", captured_at=None, authorized_at=after(1))],
    orders=[order(manual(), status="created")],
    events=[authorized(), authorized()],
    committed=["authorized:p1"],
    replies=[reply(201, status="authorized", chargeId="ch_1", **MONEY)],
    holds=[held("held")],
)
PART_CAPTURED: Final = evolve(
    AUTHORIZED,
    charges=[charge(amount=LESS, authorized_at=after(1), captured_at=after(70))],
    orders=[order(manual(1, "succeeded", captured=LESS))],
    events=[authorized(), created()._replace(body={**created().body, "amount": 9_900})],
    committed=["authorized:p1", "created:p1"],
    order_events=[TERMS, SHIPPED],
    holds=[held("captured")],
)
CAPTURED_BY_AN_OPERATOR: Final = evolve(
    PART_CAPTURED,
    order_events=[TERMS],
    captures_asked=[("p1", 9_900)],
    replies=[reply(201, status="authorized"), Reply(200, "p1", None, "capture")],
)
VOIDED: Final = evolve(
    AUTHORIZED,
    charges=[],
    orders=[order(manual(1, "cancelled", code="voided"), status="created")],
    events=[authorized(), voided()],
    committed=["authorized:p1", "voided:p1"],
    replies=[
        *AUTHORIZED.replies,
        Reply(200, "p1", None, "void", body={"status": "cancelled"}),
    ],
    holds=[held("released")],
)
RAN_OUT: Final = evolve(
    VOIDED,
    orders=[order(manual(1, "cancelled", code="authorization_expired"), status="created")],
    events=[authorized(), expiring(), voided("authorization_expired")],
    committed=["authorized:p1", "expiring:p1", "voided:p1"],
    replies=AUTHORIZED.replies,
    holds=[held("expired")],
)
SHIPPED_TOO_MUCH: Final = evolve(
    RAN_OUT, order_events=[TERMS, SHIPPED._replace(shipped=10_001)], capture_alerts=["p1"]
)
RELEASED_AT_ONCE: Final = evolve(
    VOIDED,
    orders=[order(manual(1, "cancelled", code="order_cancelled"), status="cancelled", version=1)],
    events=[voided("order_cancelled")],
    committed=["voided:p1"],
    order_events=[CANCELLED, TERMS],
    replies=[reply(400)],
    never_wanted=["p1"],
)
REJECTED_BY_THE_BANK: Final = evolve(
    PAID,
    charges=[charge(), charge(2, amount=LESS)],
    orders=[
        order(
            payment(),
            payment(2, "review", captured=LESS),
            refunds=(refund(1, "failed", payment=2),),
        )
    ],
)
PAID_ELSEWHERE_TOO: Final = evolve(
    PAID,
    charges=[charge(), charge(2, claimed_at=after(9), captured_at=after(9))],
    refunds=[GivenBack("ch_1", PRICE, "r1")],
    orders=[order(payment(1, "reversed"), payment(2, gateway="other"), refunds=(refund(),))],
    events=[
        created(),
        created(2)._replace(body={**created(2).body, "gateway": "other"}),
        refunded(),
    ],
    committed=["created:p1", "created:p2", "refunded:r1"],
    has_lost_transactions=True,
    not_listed={"p2": {"fake": [after(8)]}},
)
PAID_IN_TIME: Final = evolve(
    PAID,
    orders=[order(payment(), expires_at=after(1))],
    order_events=[TERMS._replace(expires_at=after(1))],
)
REPRICED: Final = evolve(
    PAID,
    orders=[order(payment(), price=LESS, version=1)],
    order_events=[TERMS, TERMS._replace(version=1, price=LESS, stored_at=after(5))],
)
HIDDEN_REFUND: Final = evolve(PAID, refunds=[GivenBack("ch_1", LESS)], hides_external_refunds=True)
EXTERNAL_REFUND: Final = evolve(
    GIVEN_BACK,
    refunds=[GivenBack("ch_1", PRICE)],
    orders=[order(payment(), refunds=(refund(),))],
    order_events=[TERMS],
)
DISPUTED: Final = evolve(
    PAID,
    orders=[order(payment(), disputes=(BookedDispute("d1", "p1", "lost"),))],
    events=[
        created(),
        event("disputed", disputeId="d1", status="open")._replace(id="d1:open"),
        event("disputed", disputeId="d1", status="lost")._replace(id="d1:lost"),
    ],
    committed=["created:p1", "d1:open", "d1:lost"],
)
LOST_AND_GIVEN_BACK: Final = evolve(
    GIVEN_BACK,
    orders=[order(payment(1, "reversed"), refunds=(refund(),), status="cancelled", version=1)],
    has_lost_transactions=True,
)
MALFORMED: Final = evolve(PAID, malformed=[b"{"], dead_letters=[b"{"])

OTHER_CHARGE_FIRST: Final = evolve(
    PAID,
    events=[created(), created()._replace(body={**created().body, "stripeId": "ch_2"})],
    has_lost_transactions=True,
)
"""Of two charges of a payment, a loss has made the other one the first."""

_SECOND: Final = payment(2, "reversed")._replace(charge_id="ch_2", code="charged_twice")
OTHER_CHARGE_REFUNDED: Final = evolve(
    PAID,
    charges=[charge(), charge(2, payment_id="p1")],
    refunds=[GivenBack("ch_2", PRICE, "r1")],
    orders=[order(payment(), _SECOND, refunds=(refund(payment=2),))],
    events=[created(), refunded()],
    has_lost_transactions=True,
)
"""The refund was published as of the first charge, which a loss has made the second one."""

RIGHT: Final = {
    name: value for name, value in list(globals().items()) if isinstance(value, History)
}
