"""Commits and captures that break a promise at once, each in another way."""

from typing import Any, Final

from attrs import frozen

from payments_kit.simulation.model.records import BookedOrder, BookedPayment
from payments_kit.simulation.model.report_steps import unapplied_reports
from payments_kit.simulation.model.reports import ConfirmedReport
from payments_kit.simulation.model.steps import (
    broken_by_capture,
    broken_by_commit,
    broken_by_hold,
)
from tests.simulation.broken_disputes import LOST, REVERSED, WON, with_disputes
from tests.simulation.histories import LESS, NOW, PRICE, after, manual, order, payment, refund

OPEN: Final = order(status="created")
CLAIMED: Final = order(payment(1, "processing"), status="created")
WAITING: Final = order(payment(1, "requires_action"), status="created")
PAID: Final = order(payment())
HELD: Final = order(manual(), status="created")
SHIPPED: Final = 1, LESS.minor_units


@frozen
class Commit:
    """A commit of an order, and the beginning of what it breaks; empty if it is right."""

    before: BookedOrder | None
    after: BookedOrder
    broken: str = ""


@frozen
class Capture:
    """A capture at the gateway, and the beginning of what it breaks; empty if it is right."""

    payment: BookedPayment | None
    broken: str = ""
    amount: Any = PRICE
    captured_before: bool = False


@frozen
class Holding(Capture):
    """An authorisation at the gateway, and the beginning of what it breaks."""


@frozen
class Report:
    """A confirmed report of a gateway, and the beginning of what it breaks."""

    order: BookedOrder
    confirmed: ConfirmedReport
    broken: str = ""


def broken_by(step: Commit | Capture | Report) -> list[str]:
    """Return what a step breaks."""
    if isinstance(step, Report):
        return [*unapplied_reports([step.order], [step.confirmed])]
    if isinstance(step, Commit):
        return [*broken_by_commit(step.before, step.after)]
    if isinstance(step, Holding):
        before = step.captured_before
        return [*broken_by_hold(step.payment, "p1", step.amount, held_before=before)]
    return [
        *broken_by_capture(step.payment, "p1", step.amount, captured_before=step.captured_before)
    ]


def given_back(status: str = "pending") -> BookedOrder:
    return order(payment(), refunds=(refund(status=status),), status="cancelled")


COMMITS: Final = {
    "a new order": Commit(None, OPEN),
    "a claim": Commit(OPEN, CLAIMED),
    "a success": Commit(CLAIMED, PAID),
    "a cancellation with its refund": Commit(PAID, given_back()),
    "a refund that ends": Commit(given_back(), given_back("succeeded")),
    "a refund that a bank rejects": Commit(given_back(), given_back("failed")),
    "a restored payment of an older price": Commit(order(status="created", price=LESS), PAID),
    "a claim after a review whose money is given back": Commit(
        order(payment(2, "review"), refunds=(refund(payment=2),), status="created"),
        order(
            payment(2, "review"),
            payment(1, "processing"),
            refunds=(refund(payment=2),),
            status="created",
        ),
    ),
    "an external refund beside a reserved one": Commit(
        order(payment(), refunds=(refund(1, "pending"),)),
        order(payment(), refunds=(refund(1, "pending"), refund(2, "succeeded"))),
    ),
    "an approved payment that is taken": Commit(WAITING, CLAIMED),
    "an approved payment of a cancelled order that is taken": Commit(
        order(payment(1, "requires_action"), status="cancelled"),
        order(payment(1, "processing"), status="cancelled"),
        "4: payment p1 is taken, and its order is cancelled",
    ),
    "an approved payment that is taken although it is to be cancelled": Commit(
        order(payment(1, "requires_action", code="cancelled_by_customer"), status="created"),
        CLAIMED,
        "6: payment p1 is taken, and it is to be cancelled",
    ),
    "a refund of ours that was lost, beside a reserved one": Commit(
        order(payment(), refunds=(refund(1, "pending"),)),
        order(
            payment(),
            refunds=(refund(1, "pending"), refund(2, "pending")._replace(reference="re_2")),
        ),
    ),
    "an authorization": Commit(CLAIMED, HELD),
    "a part of an authorization that is captured": Commit(
        HELD, order(manual(1, "succeeded", captured=LESS))
    ),
    "an authorization that is released": Commit(HELD, order(manual(1, "cancelled"))),
    "a cancellation that releases what is held": Commit(
        HELD, order(manual(code="order_cancelled"), status="cancelled")
    ),
    "an authorization of a cancelled order that is released at once": Commit(
        order(payment(1, "processing"), status="cancelled"),
        order(manual(code="order_cancelled"), status="cancelled"),
    ),
    "an authorization that fails": Commit(
        HELD, order(manual(1, "failed"), status="created"), "6: payment p1 was authorised and is"
    ),
    "a cancellation that keeps what is held": Commit(
        HELD,
        order(manual(), status="cancelled"),
        "4: the hold of payment p1 is not wanted, and is not to be released",
    ),
    "an authorization of a cancelled order": Commit(
        order(payment(1, "processing"), status="cancelled"),
        order(manual(), status="cancelled"),
        "4: the hold of payment p1 is not wanted, and is not to be released",
    ),
    "a shipment whose amount is requested": Commit(
        HELD, order(manual(requested=LESS), status="created", shipped=SHIPPED)
    ),
    "a shipment that follows the capture in flight": Commit(
        HELD,
        order(manual(requested=PRICE, next_capture=LESS), status="created", shipped=SHIPPED),
    ),
    "a shipment after an operator has released the money": Commit(
        HELD, order(manual(code="voided"), status="created", shipped=SHIPPED)
    ),
    "a capture that fails after its shipment": Commit(
        order(manual(requested=LESS), status="created", shipped=SHIPPED),
        order(manual(), status="created", shipped=SHIPPED),
    ),
    "a shipment that captures nothing": Commit(
        HELD,
        order(manual(), status="created", shipped=SHIPPED),
        "10: 9900 usd of payment p1 is shipped, not None",
    ),
    "a second shipment that is not requested": Commit(
        order(manual(requested=PRICE), status="created", shipped=(0, None)),
        order(manual(requested=PRICE), status="created", shipped=SHIPPED),
        "10: 9900 usd of payment p1 is shipped, not 10000 usd",
    ),
    "a hold of an order that is shipped": Commit(
        order(payment(1, "processing"), status="created", shipped=SHIPPED),
        order(manual(), status="created", shipped=SHIPPED),
        "10: 9900 usd of payment p1 is shipped, not None",
    ),
    "a larger amount that an operator accepts": Commit(
        order(payment(1, "review", captured=PRICE, amount=LESS), status="created"),
        order(payment(captured=PRICE, amount=LESS)),
    ),
    "a success that does not complete its order": Commit(
        CLAIMED,
        order(payment(), status="created"),
        "5: payment p1 has succeeded, and order o1 is not complete",
    ),
    "a capture of more than was authorised": Commit(
        HELD,
        order(manual(1, "succeeded", captured=PRICE, amount=LESS)),
        "10: payment p1 captured 10000 usd, 9900 usd was authorised",
    ),
    "a second live payment": Commit(
        PAID, order(payment(), payment(2, "processing")), "1: order o1 has 2 live payments"
    ),
    "a claim beside a review": Commit(
        order(payment(2, "review"), status="created"),
        order(payment(2, "review"), payment(1, "processing"), status="created"),
        "1: payment p1 claims order o1, p2 is in review",
    ),
    "a claim beside a review whose refund is only reserved": Commit(
        order(
            payment(2, "review"), refunds=(refund(status="pending", payment=2),), status="created"
        ),
        order(
            payment(2, "review"),
            payment(1, "processing"),
            refunds=(refund(status="pending", payment=2),),
            status="created",
        ),
        "1: payment p1 claims order o1, p2 is in review",
    ),
    "a claim of a cancelled order": Commit(
        order(status="cancelled"),
        order(payment(1, "processing"), status="cancelled"),
        "4: payment p1 claims order o1, which is cancelled",
    ),
    "a claim of an unknown order": Commit(
        None, CLAIMED, "4: payment p1 claims order o1, which is unknown"
    ),
    "a cancelled order that is complete": Commit(
        order(status="cancelled"), order(), "4: order o1 was cancelled and is complete"
    ),
    "a cancellation without its refund": Commit(
        PAID,
        order(payment(), status="cancelled"),
        "4: 10000 usd of payment p1 is not wanted, 0 is reserved",
    ),
    "a reversal without its refund": Commit(
        CLAIMED,
        order(payment(1, "reversed"), status="created"),
        "4: 10000 usd of payment p1 is not wanted, 0 is reserved",
    ),
    "another amount than requested": Commit(CLAIMED, order(payment(1, "review"), status="created")),
    "another amount beside a live payment": Commit(
        order(payment(2, "abandoned"), payment(1, "processing"), status="created"),
        order(payment(2, "review"), payment(1, "processing"), status="created"),
        "1: payment p2 is in review beside p1, which is processing",
    ),
    "a success of a cancelled order": Commit(
        order(payment(1, "processing"), status="cancelled"),
        order(payment(), status="cancelled"),
        "4: 10000 usd of payment p1 is not wanted, 0 is reserved",
    ),
    "a success that ends": Commit(
        PAID,
        order(payment(1, "failed")),
        "6: payment p1 had succeeded and is failed",
    ),
    "a claim for another price": Commit(
        order(status="created", price=LESS),
        order(payment(1, "processing"), status="created", price=LESS),
        "7: payment p1 claims 10000 usd, the price is 9900 usd",
    ),
    "a claim of an order that has expired": Commit(
        order(status="created", expires_at=NOW),
        order(payment(1, "processing"), status="created", expires_at=NOW),
        "4: payment p1 claims order o1, expired at",
    ),
    "a claim before the expiry": Commit(
        order(status="created", expires_at=after(1)),
        order(payment(1, "processing"), status="created", expires_at=after(1)),
    ),
    "a claim to be captured later": Commit(
        order(status="created", capture="manual"),
        order(manual(1, "processing"), status="created", capture="manual"),
    ),
    "a claim to be captured at once that its order wants later": Commit(
        order(status="created", capture="manual"),
        order(payment(1, "processing"), status="created", capture="manual"),
        "10: payment p1 is not captured as its order says: manual",
    ),
    "a failed refund that is sent again": Commit(
        given_back("failed"), given_back(), "2: refund r1 was failed and is pending"
    ),
    "a claim by a former owner": Commit(
        order(status="created", user_id="u2"),
        order(payment(1, "processing"), status="created", user_id="u2"),
        "8: u1 claims order o1, which is u2's",
    ),
    "more refunds than money": Commit(
        order(payment(), refunds=(refund(1),)),
        order(payment(), refunds=(refund(1), refund(2))),
        "10: 20000 of payment p1 is refunded, 10000 taken",
    ),
    "a lost dispute that is won": Commit(with_disputes(LOST), with_disputes(WON)),
    "a won dispute that is lost": Commit(
        with_disputes(WON), with_disputes(LOST), "2: dispute d1 was won and is lost"
    ),
    "money that is taken back after a won dispute": Commit(
        with_disputes(WON), with_disputes(WON, REVERSED)
    ),
    "money that is taken back twice": Commit(
        with_disputes(LOST),
        with_disputes(LOST, REVERSED),
        "2: dispute d2 tells again what d1 has told",
    ),
    "more reserved than is left": Commit(
        order(payment(), refunds=(refund(1),)),
        order(payment(), refunds=(refund(1), refund(2, "pending"))),
        "10: 20000 of payment p1 is reserved, 10000 usd taken",
    ),
}

CAPTURES: Final = {
    **{
        f"of a payment that is {status}": Capture(payment(1, status))
        for status in ("processing", "requires_action", "pending", "abandoned")
    },
    "a second one": Capture(
        payment(1, "processing"), "1: payment p1 was captured twice", captured_before=True
    ),
    "without a claim": Capture(None, "1: payment p1 was captured without a claim"),
    "of a failed payment": Capture(
        payment(1, "failed"), "6: payment p1 was captured when it was failed"
    ),
    "of a payment that was called off": Capture(
        payment(1, "cancelled"), "6: payment p1 was captured when it was cancelled"
    ),
    "of more than was claimed": Capture(
        payment(1, "processing", amount=LESS), "10: payment p1 captured 10000 usd, 9900 usd was"
    ),
}

MANUAL_CAPTURES: Final = {
    "a capture of what is held": Capture(manual()),
    "a capture of a part of what is held": Capture(manual(), amount=LESS),
    "a capture of more than is held": Capture(
        manual(amount=LESS), "10: payment p1 captured 10000 usd, 9900 usd was"
    ),
    "a capture of what was released": Capture(
        manual(1, "cancelled"), "6: payment p1 was captured when it was cancelled"
    ),
    "a capture of a part of what is not held": Capture(
        payment(1, "processing"), "10: payment p1 captured 9900 usd, 10000 usd was", LESS
    ),
}

HOLDS: Final = {
    **{
        f"a hold of a payment that is {status}": Holding(payment(1, status))
        for status in ("processing", "requires_action", "pending", "abandoned")
    },
    "a second hold": Holding(
        payment(1, "processing"), "1: payment p1 was authorised twice", captured_before=True
    ),
    "a hold without a claim": Holding(None, "1: payment p1 was authorised without a claim"),
    "a hold of a payment that has failed": Holding(
        payment(1, "failed"), "6: payment p1 was authorised when it was failed"
    ),
    "a hold of more than was claimed": Holding(
        payment(1, "processing", amount=LESS), "10: payment p1 holds 10000 usd, 9900 usd was"
    ),
}

OPENED: Final = ConfirmedReport("fake", "ch_1", "d1", "open")
GIVEN_BACK: Final = ConfirmedReport("fake", "ch_1", reference="re_1")

REPORTS: Final = {
    "a dispute that is in the books": Report(with_disputes(LOST._replace(status="open")), OPENED),
    "an older state of a dispute": Report(with_disputes(WON), OPENED),
    "a dispute that is not in the books": Report(
        PAID, OPENED, "2: dispute d1 was confirmed as open, and ours is not in the books"
    ),
    "a newer state of a dispute": Report(
        with_disputes(LOST._replace(status="open")),
        OPENED._replace(status="lost"),
        "2: dispute d1 was confirmed as lost",
    ),
    "a refund that is in the books": Report(
        order(payment(), refunds=(refund()._replace(reference="re_1"),)), GIVEN_BACK
    ),
    "a refund that is not in the books": Report(
        PAID, GIVEN_BACK, "2: refund re_1 was confirmed, and is not in the books"
    ),
    "a report about a charge of another gateway": Report(PAID, OPENED._replace(gateway="other")),
    "a report about what is not captured": Report(CLAIMED, GIVEN_BACK),
    "a report about what may have been captured later": Report(
        order(manual(1, "succeeded", captured=PRICE)), GIVEN_BACK
    ),
}

STEPS: Final[dict[str, Commit | Capture | Report]] = {
    **COMMITS,
    **CAPTURES,
    **MANUAL_CAPTURES,
    **HOLDS,
    **REPORTS,
}
