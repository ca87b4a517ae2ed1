"""Histories in which refused or repeated requests are answered wrongly; see `broken_histories`."""

from typing import Any, Final

from attrs import evolve

from payments_kit.simulation.model.reports import Reply
from tests.simulation.histories import (
    CANCELLED,
    CANCELLED_MEANWHILE,
    EMPTY,
    PAID,
    PRICE,
    TERMS,
    after,
    order,
    reply,
)


def refused(code: str | None, status: int = 400, user: str = "u1", **changes: Any) -> Reply:
    """Return a refusal that names no payment."""
    return Reply(status, None, user, order_id="o1", code=code)._replace(**changes)


def keyed(first: Reply, wanted: str = "one order") -> Reply:
    """Return a reply to a request with a key."""
    return first._replace(key="k1", wanted=wanted)


_EXPIRING: Final = evolve(
    EMPTY,
    orders=[order(status="created", expires_at=after(60))],
    order_events=[TERMS._replace(expires_at=after(60))],
)
_FREE: Final = PRICE._replace(minor_units=0)
_WAITING: Final = refused("payment_in_progress", 409, asked_at=after(10), at=after(20))

RIGHT_REFUSALS: Final = {
    "a request that is repeated while the first one is executed": evolve(
        PAID,
        replies=[
            keyed(reply(201)),
            keyed(refused("request_in_progress", 409, earlier=0)),
        ],
    ),
    "a payment whose reply could not be stored, and which the next one names": evolve(
        PAID, replies=[keyed(reply(201)), keyed(reply(409)._replace(code="already_paid"))]
    ),
    "an order that is refused because it is cancelled": evolve(
        CANCELLED_MEANWHILE,
        order_events=[TERMS, CANCELLED],
        replies=[refused("order_cancelled")],
    ),
    "an order that is refused because it has expired": evolve(
        _EXPIRING, replies=[refused("order_expired", at=after(60))]
    ),
    "an order that is refused because it is free": evolve(
        EMPTY,
        orders=[order(status="created", price=_FREE)],
        order_events=[TERMS._replace(price=_FREE)],
        replies=[refused("nothing_due")],
    ),
    "an order that is refused because it is paid": evolve(
        PAID, replies=[*PAID.replies, refused("already_paid", 409)]
    ),
    "an order that is refused while it is paid": evolve(
        PAID, live={"o1": [[after(15)]]}, replies=[_WAITING]
    ),
    "a repeated request of which the gateway cannot say whether it still waits": evolve(
        EMPTY, live={"o1": [[after(1), after(9)]]}, replies=[keyed(_WAITING)]
    ),
    "a stranger who is refused": evolve(PAID, replies=[refused(None, 401, "u2")]),
    "a repeated request": evolve(
        PAID,
        replies=[keyed(refused("request_in_progress", 409)), keyed(reply(201)), keyed(reply(201))],
    ),
    "a key that another request has": evolve(
        PAID, replies=[keyed(reply(201)), keyed(refused("key_reused", 422), "another order")]
    ),
}

REFUSALS: Final = {
    "a stranger who learns that an order is paid": (
        evolve(PAID, replies=[refused("already_paid", 409, "u2")]),
        ("8: u2 was told already_paid of another user's o1",),
    ),
    "an order that is refused as if it were cancelled": (
        evolve(PAID, replies=[refused("order_cancelled")]),
        ("6: the reply about order o1 was order_cancelled, which was never so",),
    ),
    "an order that is refused before its expiry": (
        evolve(_EXPIRING, replies=[refused("order_expired", at=after(30))]),
        ("6: the reply about order o1 was order_expired, which was never so",),
    ),
    "an order that is refused as if it were free": (
        evolve(EMPTY, replies=[refused("nothing_due")]),
        ("6: the reply about order o1 was nothing_due, which was never so",),
    ),
    "an order that is refused to its only owner": (
        evolve(EMPTY, replies=[refused(None, 401)]),
        ("6: the reply about order o1 was 401, which was never so",),
    ),
    "an order that is refused as if it were paid": (
        evolve(EMPTY, replies=[refused("already_paid", 409)]),
        ("6: the reply about order o1 was already_paid, which was never so",),
    ),
    "an order that is refused because of a payment that had ended": (
        evolve(EMPTY, live={"o1": [[after(1), after(9)]]}, replies=[_WAITING]),
        ("6: the reply about order o1 was payment_in_progress, which was never so",),
    ),
    "an order that is refused because of a payment that came later": (
        evolve(EMPTY, live={"o1": [[after(21), after(30)]]}, replies=[_WAITING]),
        ("6: the reply about order o1 was payment_in_progress, which was never so",),
    ),
    "a decline that is charged when it is repeated": (
        evolve(PAID, replies=[keyed(reply(402)), keyed(reply(201))]),
        (
            "6: the reply to key k1 was 402, and then it was (201, 'p1')",
            "6: the reply was that p1 is declined, but it is charged",
        ),
    ),
    "a request that is still executed after its reply": (
        evolve(
            PAID, replies=[keyed(reply(201)), keyed(refused("request_in_progress", 409, earlier=1))]
        ),
        ("6: the reply to key k1 was 201, and then it was (409, None)",),
    ),
    "a request that is executed again": (
        evolve(PAID, replies=[keyed(reply(201)), keyed(refused("already_paid", 409))]),
        ("6: the reply to key k1 was 201, and then it was (409, None)",),
    ),
    "a key of two requests": (
        evolve(PAID, replies=[keyed(reply(201)), keyed(reply(201), "another order")]),
        ("6: the key k1 of u1 was used for two requests",),
    ),
}
