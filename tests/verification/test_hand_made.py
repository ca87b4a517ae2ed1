"""The hand-made histories that test the specification, written as files and judged from them."""

from collections.abc import Iterable
from typing import Any, Final

import pytest
from attrs import evolve

from payments_kit.simulation.model.promises import broken_promises
from payments_kit.simulation.model.records import History
from payments_kit.verification.books import CUSTOMER
from tests.simulation.broken_disputes import RIGHT_DISPUTES
from tests.simulation.broken_histories import BROKEN
from tests.simulation.histories import EMPTY, LESS, PRICE, RIGHT, after
from tests.verification.files import amount, broken_in, chain, exported, file_of, judged

IN_A_FILE: Final = (
    *("charges", "refunds", "disputes", "orders", "events", "order_events", "histories"),
    *("committed", "never_wanted", "captures_asked", "reviewed"),  # which the histories say
    *("hides_external_refunds", "has_lost_transactions"),
)
"""What a file has of a history. It has no replies, secrets, logs, alerts, nor what was held."""

UNDETECTABLE: Final = {
    "another user's order": "no history names a user",
    "a secret in the books": "no file says what is secret",
    "a secret in an event": "no file says what is secret",
    "money that is taken back, and the books lack it": "no list has money that was taken back",
    "a dispute without the time for evidence": "no list says until when evidence was awaited",
    "a price that the order no longer had": "each claim is compared with the price of its moment",
    "an event that was never committed": "the order of commits is that of the histories",
}
"""Why a file cannot show what is broken, although it has what is broken."""

OTHERWISE: Final = {
    "an order that was captured after its expiry, and keeps its money": (
        "4: order o1 was expired when ch_1 was requested"
    ),
    "an open dispute after it was lost": "3: d1:lost was delivered before d1:open",
    "an event with another order": "3: payment p1 succeeded and was never published",
    "a change without any history": "5: events of order o1 were acknowledged",
    "a change that is in the books alone": "5: order o1 has version 7, the newest is 0",
    "a paid order is claimed again elsewhere, and nothing was lost": (
        "3: payment p1 was published as created and is reversed"
    ),
    "an entry that was dropped": "11: the history of order o1 is broken in its line 2: its `seq`",
    "an entry that was changed": "11: the history of order o1 is broken in its line 1: its `hash`",
}
"""What is found instead: the books of a file are its histories, and lines have numbers."""


def is_shown(history: History, expected: Iterable[str]) -> bool:
    """Whether the specification finds what is expected in what a file has."""
    kept = History(**{name: getattr(history, name) for name in IN_A_FILE})
    return any(each.startswith(tuple(expected)) for each in broken_promises(kept))


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
    lost = history.has_lost_transactions
    summary = judged(file_of(history), has_lost_transactions=lost)
    found = broken_in(summary)
    if name in UNDETECTABLE:
        assert found == [], f"{name} can be found: take it out of UNDETECTABLE"
        return
    if not found and not is_shown(history, expected):
        return  # a file lacks what shows it
    named = [OTHERWISE[name]] if name in OTHERWISE else expected
    for each in named:
        worded = each.replace("u1's", f"{CUSTOMER}'s")
        assert any(one.startswith(worded) for one in found), (worded, found)
    assert all(each.evidence for each in summary.broken), summary.broken


def test_a_claim_is_compared_with_the_price_of_its_moment() -> None:
    begin = {
        "order.id": "o1",
        "order.version": 0,
        "order.status": "created",
        "order.terms.price": amount(PRICE),
    }
    claim = {
        "payment.p1.amount": amount(PRICE),
        "payment.p1.status": "processing",
        "payment.p1.gateway": "fake",
    }
    repriced = {"order.version": 1, "order.terms.price": amount(LESS)}
    changes: list[dict[str, Any]] = [begin, repriced, claim]
    entries = [(after(seconds), "orders", each) for seconds, each in enumerate(changes)]
    lines = exported("o1", chain(entries))
    summary = judged(file_of(evolve(EMPTY, histories={"o1": lines[:-1]})))
    violation = "7: payment p1 claims 10000 usd, the price is 9900 usd"
    assert violation in broken_in(summary)
    [found] = [each for each in summary.broken if each.promise == 7]
    assert [(each.number, each.what.partition(",")[0]) for each in found.evidence] == [
        (4, "entry 3 of order o1")
    ]


@pytest.mark.parametrize("asked", ["requested_capture", "next_capture", None])
def test_a_shipment_is_compared_with_what_is_captured_from_its_moment_on(
    asked: str | None,
) -> None:
    begin = {
        "order.id": "o1",
        "order.version": 0,
        "order.status": "created",
        "order.terms.price": amount(PRICE),
        "payment.p1.amount": amount(PRICE),
        "payment.p1.status": "authorized",
        "payment.p1.gateway": "fake",
        "payment.p1.capture_mode": "manual",
    }
    shipped: dict[str, Any] = {"order.shipment.version": 1, "order.shipment.minor_units": 9_900}
    if asked is not None:
        shipped |= {f"payment.p1.{asked}": amount(LESS)}
    entries = [(after(seconds), "orders", each) for seconds, each in enumerate([begin, shipped])]
    lines = exported("o1", chain(entries))
    summary = judged(file_of(evolve(EMPTY, histories={"o1": lines[:-1]})))
    violation = "10: 9900 usd of payment p1 is shipped, not None"
    assert (violation in broken_in(summary)) is (asked is None)
