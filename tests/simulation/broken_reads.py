"""Histories in which users read what is not so; see `broken_histories`."""

from typing import Final

from attrs import evolve

from payments_kit.simulation.model.reports import Reply
from tests.simulation.histories import (
    AUTHORIZED,
    DECLINED_FIRST,
    GIVEN_BACK,
    MALFORMED,
    MONEY,
    PAID,
    created,
    failed,
    letter,
    order,
    payment,
    reply,
)


def read(status: int = 200, name: str = "p1", user: str = "u1", /, **body: object) -> Reply:
    """Return the reply to a user who reads a payment."""
    return Reply(status, name, user, "read", body=body)


RIGHT_READS: Final = {
    "a payment that is read": evolve(
        PAID, replies=[*PAID.replies, read(status="succeeded", orderId="o1", **MONEY)]
    ),
    "a payment that another user does not find": evolve(
        PAID, replies=[*PAID.replies, Reply(404, None, "u2", "read")]
    ),
    "an authorised payment that is read": evolve(
        AUTHORIZED, replies=[*AUTHORIZED.replies, read(status="authorized")]
    ),
    "a refused payment that an operator has accepted": evolve(
        PAID, replies=[Reply(400, "p1", "u1", order_id="o1")], reviewed=["p1"]
    ),
    "a refused payment that a loss restored until its order was cancelled again": evolve(
        GIVEN_BACK, replies=[Reply(400, "p1", "u1", order_id="o1")], has_lost_transactions=True
    ),
    "a payment refused for an expiry, of which a loss has left only the claim": evolve(
        PAID, replies=[reply(400, code="order_expired")], has_lost_transactions=True
    ),
    "a claim that was given up before it was sent, and a loss took that": evolve(
        DECLINED_FIRST,
        orders=[order(payment(1, "abandoned"), payment(2))],
        events=[failed(code="abandoned"), created(2)],
        replies=[Reply(429, None, "u1", started=("p1",))],
        has_lost_transactions=True,
    ),
    "an announcement of ours that was tried while its order was lost": evolve(
        PAID, dead_letters=[letter(created())], has_lost_transactions=True
    ),
    "a dead letter that was replayed": evolve(
        MALFORMED, dead_letters=[*MALFORMED.dead_letters, b"late"], replayed=[b"late"]
    ),
}

READS: Final = {
    "a payment that its user does not find": (
        evolve(PAID, replies=[*PAID.replies, read(404)]),
        ("6: p1 was named to u1, who then read that there is none",),
    ),
    "a read of another user's payment": (
        evolve(PAID, replies=[*PAID.replies, read(200, "p1", "u2", status="succeeded")]),
        ("8: the reply to u2 names another user's payment p1",),
    ),
    "a failed payment that is read as paid": (
        evolve(DECLINED_FIRST, replies=[read(status="succeeded")]),
        ("6: u1 read that p1 is paid, but it is",),
    ),
    "a failed payment that is read as authorised": (
        evolve(DECLINED_FIRST, replies=[read(status="authorized")]),
        ("6: u1 read that p1 is authorised, but it is",),
    ),
    "a paid one that is read as failed": (
        evolve(PAID, replies=[*PAID.replies, read(status="failed")]),
        ("6: u1 read that p1 is failed, but it is charged",),
    ),
    "another amount that is read": (
        evolve(PAID, replies=[*PAID.replies, read(status="succeeded", amount=1)]),
        ("6: the reply was that amount of p1 is 1, but it is 10000",),
    ),
    "a usable event among the dead letters": (
        evolve(MALFORMED, dead_letters=[*MALFORMED.dead_letters, b"late"]),
        ("5: the dead letters are",),
    ),
}
