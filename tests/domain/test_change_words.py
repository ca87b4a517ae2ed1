"""The words of a change say which states were entered, or else which fields are different."""

import pytest

from domain.change_words import words_of
from domain.order_changes import FORGOTTEN, OWNER, REPLACED, SET, STATE_BEGINS, Changes

CASES: list[tuple[Changes, str]] = [
    ({STATE_BEGINS: (None, "o1")}, "order created"),
    (
        {
            STATE_BEGINS: (None, "o1"),
            "order.status": (None, "cancelled"),
            "payment.p1.status": (None, "reversed"),
        },
        "order cancelled",
    ),
    ({OWNER: (SET, FORGOTTEN)}, "user forgotten"),
    ({OWNER: (SET, FORGOTTEN), "order.status": ("created", "cancelled")}, "user forgotten"),
    ({OWNER: (SET, REPLACED)}, "changed: order user"),
    ({"payment.p1.status": (None, "processing")}, "payment processing"),
    (
        {
            "order.status": ("complete", "cancelled"),
            "dispute.d1.status": (None, "open"),
            "refund.r1.status": (None, "pending"),
            "payment.p1.status": ("processing", "reversed"),
            "payment.p1.code": (None, "order_cancelled"),
        },
        "payment reversed, refund pending, dispute open, order cancelled",
    ),
    (
        {"refund.r1.status": ("pending", "failed"), "refund.r2.status": (None, "pending")},
        "refund failed, refund pending",
    ),
    (
        {"refund.r1.status": (None, "pending"), "refund.r2.status": (None, "pending")},
        "refund pending",
    ),
    (
        {
            "payment.p1.reference": (None, "pi_1"),
            "payment.p2.reference": (None, "pi_2"),
            "order.terms.price": (None, 1),
        },
        "changed: payment reference, order price",
    ),
]


@pytest.mark.parametrize(("changes", "words"), CASES, ids=range(len(CASES)))
def test_the_words_are(changes: Changes, words: str) -> None:
    assert words_of(changes) == words
