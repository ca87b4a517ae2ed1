"""The hand-made histories that test the specification, written as files and judged from them."""

import re
from collections.abc import Iterable
from typing import Final

import pytest

from payments_kit.verification.books import CUSTOMER
from tests.simulation.broken_disputes import RIGHT_DISPUTES
from tests.simulation.broken_histories import BROKEN
from tests.simulation.histories import RIGHT
from tests.verification.files import broken_in, file_of, judged

REPLIES: Final = "no file has replies to customers and operators"
USERS: Final = "no history names a user, and no file has secrets, logs or tables"
HOLDS: Final = "no list has authorizations that were released, or have run out"
TOLD: Final = "no file says what an operator was told"

UNDETECTABLE: Final = {
    "a paid order is claimed again, and the second charge is given back": REPLIES,
    "a decision that is not kept": REPLIES,
    "a void that was confirmed, and a capture": REPLIES,
    "a capture that was confirmed, and a void": REPLIES,
    "202 about nothing": REPLIES,
    "400, and kept": REPLIES,
    "cancelled, and charged": REPLIES,
    "a payment of another order": REPLIES,
    "another user's order": USERS,
    "a reply about another user's payment": USERS,
    "a read of another user's payment": USERS,
    "a secret in a log": USERS,
    "a secret in the books": USERS,
    "a secret in an event": USERS,
    "money that was held to its end for an unknown payment": HOLDS,
    "money that was held to its end for a failed payment": HOLDS,
    "money that was held to its end for a cancelled order": HOLDS,
    "a shipment that was forgotten": TOLD,
    "a refund that the gateway has lost, and nobody was told": TOLD,
    "a refund that the gateway has, and an operator was told that it has not": TOLD,
    "a shipment that was captured a day later": TOLD,
    "money that is taken back, and the books lack it": "no list has money that was taken back",
    "a dispute without the time for evidence": "no list says until when evidence was awaited",
    "an event that was never committed": "the order of commits is that of the histories",
    "an event that waits for ever": "an order with a waiting event is not judged",
    "an event that cannot be used and is not in the dead letters": (
        "operators delete the dead letters that are handled"
    ),
}
"""Why a file cannot show what is broken. Every reply of `BROKEN` is of this kind, too."""

OTHERWISE: Final = {
    "an order that was captured after its expiry, and keeps its money": (
        "4: order o1 was expired when ch_1 was requested"
    ),
    "an open dispute after it was lost": "3: d1:lost was delivered before d1:open",
    "an event with another order": "3: payment p1 succeeded and was never published",
    "a change without any history": "5: events of order o1 were acknowledged",
    "a change that is in the books alone": "5: order o1 has version 7, the newest is 0",
    "an entry that was dropped": "11: the history of order o1 is broken in its line 2: its `seq`",
    "an entry that was changed": "11: the history of order o1 is broken in its line 1: its `hash`",
}
"""What is found instead: the books of a file are its histories, and lines have numbers."""


def is_about_a_reply(name: str, expected: Iterable[str]) -> bool:
    about = re.compile("6: the reply was|6: an operator decided")
    return UNDETECTABLE.get(name) == REPLIES or all(about.match(each) for each in expected)


KEPT: Final = RIGHT | RIGHT_DISPUTES


@pytest.mark.parametrize("name", KEPT)
def test_a_history_in_which_every_promise_is_kept_is_kept(name: str) -> None:
    history = KEPT[name]
    lost = history.has_lost_transactions
    summary = judged(file_of(history), has_lost_transactions=lost)
    assert (broken_in(summary), summary.judged) == ([], len(history.orders))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_found_or_no_file_can_show_it(name: str) -> None:
    history, expected = BROKEN[name]
    summary = judged(file_of(history))
    found = broken_in(summary)
    if name in UNDETECTABLE or is_about_a_reply(name, expected):
        assert found == [], f"{name} can be found: take it out of UNDETECTABLE"
        return
    named = [OTHERWISE[name]] if name in OTHERWISE else expected
    for each in named:
        worded = each.replace("u1's", f"{CUSTOMER}'s")
        assert any(one.startswith(worded) for one in found), (worded, found)
    assert all(each.evidence for each in summary.broken), summary.broken
