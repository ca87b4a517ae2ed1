"""What a history says about each change of an order, and what it never says."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.actor import MAX_REASON, MAX_WHO, THE_SERVICE, Actor
from domain.canonical_json import canonical_json
from domain.errors import DomainError
from domain.history import CREATED_AGAIN, STATE_FOUND, HistoryEntry, HistoryHead, record
from domain.identifiers import UserId
from domain.order import Order
from domain.order_changes import changes_of
from domain.pseudonym import is_pseudonym, pseudonym
from domain.replica import OrderReplica
from tests.builders import (
    NOW,
    ORDER,
    OTHER_USER,
    PAYER,
    PAYMENT,
    an_order,
    cancelled_event,
    charged,
    claimed,
    created_event,
)
from tests.chains import assert_chain, replayed
from tests.strategies import orders, steps

CUSTOMER = Actor.customer()
PAID = claimed().settle(PAYMENT, charged(), NOW)


def history(*states: Order) -> Sequence[HistoryEntry]:
    """Return the entries of an order that has these states, one after the other."""
    head, before, entries = None, None, list[HistoryEntry]()
    for revision, after in enumerate(states):
        recorded = record(before, after, head, revision, CUSTOMER, NOW)
        head, before = recorded.head, after
        entries += recorded.entries
    return entries


def owned_by(order: Order, user: str) -> Order:
    terms = order.replica.terms
    assert terms is not None
    return evolve(order, replica=evolve(order.replica, terms=evolve(terms, user_id=UserId(user))))


@given(st.data())
def test_the_entries_are_a_chain_whose_replay_is_the_state(data: st.DataObject) -> None:
    states = [Order(OrderReplica.unknown(ORDER)), data.draw(orders())]
    for step in [data.draw(steps(states[-1])) for _ in range(2)]:
        with suppress(DomainError):
            states.append(step(states[-1], NOW))
    entries = history(*states)
    assert_chain(entries)
    state = {path: after for path, (_, after) in changes_of(None, states[-1]).items()}
    assert replayed(entries) == state


@given(orders(), st.sampled_from([PAYER, OTHER_USER]))
def test_an_entry_never_names_a_user(order: Order, user: str) -> None:
    text = "".join(entry.content for entry in history(order))
    assert PAYER not in text
    assert OTHER_USER not in text


def test_the_words_say_which_states_were_entered() -> None:
    states = an_order(), claimed(), PAID, PAID.apply(cancelled_event(), NOW)
    assert [entry.why for entry in history(*states)] == [
        "order created",
        "payment processing",
        "payment succeeded, order complete",
        "refund pending, order cancelled",
    ]


def test_the_words_name_the_fields_if_no_state_was_entered() -> None:
    later = an_order().apply(created_event(version=9), NOW)
    assert history(an_order(), later)[1].why == "changed: order version"


def test_a_given_reason_replaces_the_words() -> None:
    [entry] = record(None, an_order(), None, 0, Actor("alice", "by phone"), NOW).entries
    assert (entry.who, entry.why) == ("alice", "by phone")


def test_an_owner_is_set_replaced_or_forgotten_and_never_named() -> None:
    states = (
        an_order(),
        owned_by(an_order(), OTHER_USER),
        owned_by(an_order(), pseudonym("0" * 32)),
    )
    changes = [json.loads(entry.change)["order.terms.user"] for entry in history(*states)]
    assert changes == [[None, "set"], ["set", "replaced"], ["set", "forgotten"]]
    assert history(*states)[2].why == "user forgotten"


def test_an_unrecorded_state_is_recorded_with_the_next_change() -> None:
    head = HistoryHead(seq=7, hash="a" * 64, revision=3)
    same = record(claimed(), claimed(), head, 4, CUSTOMER, NOW)
    assert (same.entries, same.head) == ((), head)
    found, changed = record(claimed(), PAID, head, 4, CUSTOMER, NOW).entries
    assert (found.seq, found.prev, found.who, found.why) == (8, "a" * 64, "service", STATE_FOUND)
    assert (changed.seq, changed.prev, changed.who) == (9, found.hash, "customer")


def test_a_state_without_any_history_is_recorded_with_the_next_change() -> None:
    assert record(claimed(), claimed(), None, 4, CUSTOMER, NOW) == ((), None)
    entries, head = record(claimed(), PAID, None, 4, CUSTOMER, NOW)
    assert [(each.seq, each.who) for each in entries] == [(1, "service"), (2, "customer")]
    assert head == HistoryHead(2, entries[1].hash, 5)


def test_an_order_that_the_database_has_lost_continues_its_history() -> None:
    head = HistoryHead(seq=7, hash="a" * 64, revision=3)
    [again], _ = record(None, an_order(), head, 0, CUSTOMER, NOW)
    assert (again.seq, again.prev, again.who, again.why) == (8, "a" * 64, "customer", CREATED_AGAIN)


def test_a_commit_without_a_change_keeps_the_history_at_its_revision() -> None:
    head = HistoryHead(seq=7, hash="a" * 64, revision=3)
    recorded = record(claimed(), claimed(), head, 3, CUSTOMER, NOW)
    assert recorded.head == head._replace(revision=4)


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        (Actor.operator("alice"), "alice"),
        (Actor.operator("operator"), "operator"),
        (Actor.operator("recovery"), "operator:recovery"),
        (Actor.operator("cli:root"), "operator:cli:root"),
        (Actor.operator("export", "end of the file"), "operator:export"),
        (Actor.command("root"), "cli:root"),
        (Actor.gateway("stripe"), "gateway:stripe"),
        (THE_SERVICE, "service"),
        (Actor("two\nlines"), "two\\nlines"),
        (Actor("x" * 1000), "x" * MAX_WHO),
    ],
)
def test_an_actor_is_named_in_one_line_and_means_one_thing(actor: Actor, who: str) -> None:
    assert actor.who == who


def test_a_reason_is_bounded() -> None:
    assert Actor("alice", "y" * 10_000).reason == "y" * MAX_REASON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"b": 1, "a": [None, True, 'é\n"\\\x1f/\u2028']},
            '{"a":[null,true,"é\\n\\"\\\\\\u001f/\u2028"],"b":1}',
        ),
        (2**63, "9223372036854775808"),
    ],
)
def test_canonical_json_is_the_one_of_rfc_8785(value: object, text: str) -> None:
    assert canonical_json(value) == text


def test_a_pseudonym_is_recognised_by_its_form() -> None:
    assert is_pseudonym(pseudonym("0123456789abcdef" * 2))
    for name in (PAYER, UserId("forgotten-me"), UserId(f"forgotten-{'g' * 32}")):
        assert not is_pseudonym(name)
    with pytest.raises(ValueError, match="32 hexadecimal"):
        pseudonym("0" * 31)


WHOLE = history(claimed())[0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        WHOLE.content.replace('"who":', '"whom":'),
        WHOLE.content.replace('"seq":', '"at":"today","seq":'),
        WHOLE.content.replace('"seq":', '"at":"0001-01-01T00:00:00+14:00","seq":'),
        WHOLE.content.replace('"seq":', '"change":[],"seq":'),
        "[" * 100_000,
    ],
    ids=range(8),
)
def test_an_entry_whose_content_was_damaged_can_be_shown_and_is_not_intact(content: str) -> None:
    entry = WHOLE._replace(content=content)
    assert WHOLE.is_intact
    assert not entry.is_intact
    assert (entry.why, entry.who, entry.change, entry.prev) == ("unreadable", "", "{}", "")
    assert entry.at == datetime.min.replace(tzinfo=UTC)
