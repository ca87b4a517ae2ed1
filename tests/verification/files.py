"""Hand-made histories of a shop as files that `payments verify-history` judges."""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import (
    BookedOrder,
    BookedPayment,
    BookedRefund,
    Charge,
    History,
    OrderEvent,
)
from payments_kit.simulation.model.reports import GivenBack
from payments_kit.verification.lines import (
    FORMAT,
    VERSION,
    ChargeLine,
    DeadLetterMessage,
    DisputeLine,
    End,
    GatewayLists,
    Header,
    Line,
    OrderMessage,
    OurEvent,
    Recorded,
    RefundLine,
    content_fields,
    encode,
)
from payments_kit.verification.summary import Summary
from payments_kit.verification.verify import verify_file
from tests.simulation.histories import NOW, after

SINCE: Final = NOW - timedelta(days=3)
UNTIL: Final = NOW + timedelta(days=60)
"""Long enough for everything that may be unfinished to be late."""

_DIGITS: Final = 2  # of US dollars and euros, in which the histories are


def header(**changes: Any) -> Header:
    """Return the header of a file that has everything, and no hashes."""
    fields: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "sealed": False,
        "shop": "test",
        "created_at": UNTIL,
        "since": SINCE,
        "until": UNTIL,
        "includes": ["histories", "orderEvents", "events"],
    }
    return Header(**(fields | changes))


def file_of(history: History, first: Header | None = None) -> list[bytes]:
    """Return the lines of a file with what a history contains."""
    knows_disputes = history.disputes is not None
    lists = GatewayLists("fake", True, not history.hides_external_refunds, knows_disputes)
    lines = [encode(line) for line in (first or header(gateways=[lists]), *_lines(history))]
    return [*lines, encode(End(len(lines)))]


def ended(lines: Sequence[bytes]) -> list[bytes]:
    """Return lines that were changed, with the right number of them in the last one."""
    return [*lines[:-1], encode(End(len(lines) - 1))]


def judged(
    lines: Iterable[bytes], *, listed: bytes | None = None, has_lost_transactions: bool = False
) -> Summary:
    """Judge a file with these lines, and a gateway's own list if there is one."""
    return verify_file(
        io.BytesIO(b"".join(line + b"\n" for line in lines)),
        lambda _what, _count: None,
        listed=None if listed is None else io.BytesIO(listed),
        has_lost_transactions=has_lost_transactions,
    )


def broken_in(summary: Summary) -> list[str]:
    """Return the broken promises as the specification words them."""
    return [f"{each.promise}: {each.what}" for each in summary.broken]


def _lines(history: History) -> Iterator[Line]:
    for order in history.orders:
        lines = None if history.histories is None else history.histories.get(order.id, ())
        made = history_of(order, history)
        yield from recorded(made if lines is None else exported(order.id, lines))
    for event in history.order_events or ():
        subject, body = order_message(event)
        yield OrderMessage(subject=subject, at=NOW - timedelta(minutes=2), **content_fields(body))
    for malformed in history.malformed:
        at = NOW - timedelta(minutes=2)
        yield OrderMessage(subject="order:created", at=at, **content_fields(malformed))
    for letter in history.dead_letters:
        yield DeadLetterMessage(subject="order:created", at=NOW, **content_fields(letter))
    for each in history.events:
        body = json.dumps(each.body).encode()
        at = each.at or after(2)
        yield OurEvent(id=each.id, subject=each.subject, at=at, **content_fields(body))
    for charge in history.charges:
        yield charge_line(charge)
    for dispute in history.disputes or ():
        yield DisputeLine(
            gateway="fake",
            id=dispute.id,
            charge=dispute.charge_id,
            amount=dispute.amount.minor_units,
            currency=dispute.amount.currency,
            reason=dispute.reason,
            state=dispute.status,
        )
    if history.hides_external_refunds:
        return
    for number, refund in enumerate(history.refunds, start=1):
        yield refund_line(refund, f"re_{number}")


def charge_line(charge: Charge) -> ChargeLine:
    return ChargeLine(
        gateway="fake",
        id=charge.id,
        payment=charge.payment_id,
        order=charge.order_id or "",
        amount=charge.amount.minor_units,
        currency=charge.amount.currency,
        state=charge.state,
        claimed_at=charge.claimed_at,
        captured_at=charge.captured_at,
    )


def refund_line(refund: GivenBack, reference: str) -> RefundLine:
    return RefundLine(
        gateway="fake",
        id=reference,
        charge=refund.charge_id,
        refund=refund.refund_id,
        amount=refund.amount.minor_units,
        currency=refund.amount.currency,
        state="succeeded",
        created_at=after(3),
    )


def order_message(event: OrderEvent) -> tuple[str, bytes]:
    """Return the subject and the body of an order event."""
    body: dict[str, Any] = {"id": event.id, "version": event.version}
    if event.is_shipped:
        body |= {} if event.shipped is None else {"amount": event.shipped}
        return "order:shipped", json.dumps(body).encode()
    if event.price is None:
        return "order:cancelled", json.dumps(body).encode()
    units, currency = event.price
    price = f"{units // 10**_DIGITS}.{units % 10**_DIGITS:0{_DIGITS}}"
    body |= {
        "status": "cancelled" if event.is_cancelled else "created",
        "userId": event.user_id,
        "currency": currency,
        "expiresAt": event.expires_at and event.expires_at.isoformat(),
        "capture": event.capture,
        "ticket": {"id": "t1", "price": price},
    }
    return "order:created", json.dumps(body).encode()


def recorded(lines: Iterable[str]) -> Iterator[Recorded]:
    for line in lines:
        yield Recorded(content_fields(line.encode())["body"])


def history_of(order: BookedOrder, history: History) -> list[str]:
    """Return the history of an order that was created before anything else happened to it."""
    events = [each for each in history.order_events or () if each.id == order.id]
    terms = sorted((each.version, each.price) for each in events if each.price is not None)
    first, price = terms[0] if terms else (0, order.price)
    begin: dict[str, Any] = {
        "order.id": order.id,
        "order.version": first,
        "order.status": "created",
        "order.terms.price": amount(price),
        "order.terms.version": first,
        "order.terms.expires_at": text(order.expires_at),
        "order.terms.capture": order.capture,
    }
    entries = [(NOW - timedelta(minutes=1), "orders", begin)]
    at = max((each.stored_at for each in events if each.stored_at), default=after(2))
    if order.price != price:
        values = {"order.terms.price": amount(order.price), "order.terms.version": order.version}
        entries.append((at, "orders", values | {"order.version": order.version}))
    rest = _rest(order)
    # What waits for an operator is older than what has paid the order after it was given back.
    for payment in sorted(order.payments, key=lambda each: each.status != "review"):
        path = f"payment.{payment.id}"
        paths = (f"{path}.", *(f"refund.{each.id}." for each in order.refunds))
        known = {name: each for name, each in rest.items() if name.startswith(paths)}
        if any((each.body or {}).get("status") == "pending" for each in history.replies):
            pending = {f"{path}.status": "pending", f"{path}.captured_amount": None}
            entries.append((at, "customer", known | pending))
        if payment.id in history.reviewed:
            entries.append((at, "customer", known | {f"{path}.status": "review"}))
        if payment.is_manual:
            released = payment.code if payment.id in history.never_wanted else None
            held = {"status": "authorized", "code": released, "captured_amount": None}
            entries.append((at, "customer", known | {f"{path}.{n}": v for n, v in held.items()}))
        if payment.status == "succeeded":
            known |= {"order.status": "complete"}
        is_asked = any(payment.id == asked for asked, _ in history.captures_asked)
        entries.append((at, "cli:alice" if is_asked else "orders", known))
    for dispute in order.disputes:
        if any(each.body.get("status") == "open" for each in history.events):
            entries.append((at, "gateway:fake", rest | {f"dispute.{dispute.id}.status": "open"}))
    entries.append((max(at, after(2)), "orders", rest))
    return exported(order.id, chain(entries))


def _rest(order: BookedOrder) -> dict[str, Any]:
    rest: dict[str, Any] = {"order.status": order.status, "order.version": order.version}
    for payment in order.payments:
        rest |= {f"payment.{payment.id}.{name}": each for name, each in _payment(payment).items()}
    for refund in order.refunds:
        rest |= {f"refund.{refund.id}.{name}": each for name, each in _refund(refund).items()}
    for dispute in order.disputes:
        path = f"dispute.{dispute.id}"
        rest |= {f"{path}.payment_id": dispute.payment_id, f"{path}.status": dispute.status}
        rest |= {f"{path}.charge_id": dispute.charge_id, f"{path}.reason": dispute.reason}
    return rest


def _payment(payment: BookedPayment) -> dict[str, Any]:
    return {
        "amount": amount(payment.amount),
        "gateway": payment.gateway,
        "status": payment.status,
        "charge_id": payment.charge_id,
        "captured_amount": amount(payment.captured),
        "code": payment.code,
        "created_at": text(payment.claimed_at),
        "capture_mode": "manual" if payment.is_manual else "automatic",
        "authorized_until": text(payment.authorized_until),
        "requested_capture": amount(payment.requested),
        "release_reason": payment.release_reason,
    }


def _refund(refund: BookedRefund) -> dict[str, Any]:
    return {
        "payment_id": refund.payment_id,
        "charge_id": refund.charge_id,
        "amount": amount(refund.amount),
        "status": refund.status,
        "reason": refund.reason,
        "reference": refund.reference,
    }


def amount(found: Amount | None) -> dict[str, Any] | None:
    return found and {"currency": found.currency, "minor_units": found.minor_units}


def text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds")


def chain(entries: Iterable[tuple[datetime, str, dict[str, Any]]]) -> list[str]:
    """Return the lines of a history with these times, actors and values after each change."""
    prev, lines, state = "0" * 64, list[str](), dict[str, Any]()
    for seq, (at, who, values) in enumerate(entries, start=1):
        change = {path: [state.get(path), value] for path, value in values.items()}
        state |= values
        line = {"seq": seq, "at": text(at), "who": who, "why": "it is", "change": change}
        prev, whole = hashed(line | {"prev": prev})
        lines.append(whole)
    return lines


def exported(order: str, lines: Sequence[str]) -> list[str]:
    """Return the lines of a history with the last line that an export adds."""
    if not lines:
        return []
    newest = json.loads(lines[-1])
    end = {"order": order, "entries": len(lines), "root": None}
    last = {"seq": newest["seq"] + 1, "at": newest["at"], "who": "export"}
    last |= {"why": "end of the file", "change": {"end": [None, end]}, "prev": newest["hash"]}
    return [*lines, hashed(last)[1]]


def hashed(line: dict[str, Any]) -> tuple[str, str]:
    """Return the hash of an entry, and the entry with it."""
    content = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(content.encode()).hexdigest()
    return digest, json.dumps(line | {"hash": digest})
