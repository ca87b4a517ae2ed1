"""Words that are stored, published, exported or read by others never change."""

from enum import Enum

import pytest

from domain.actor import (
    CUSTOMER,
    EXPORT,
    MAX_REASON,
    MAX_WHO,
    ORDERS,
    RECONCILIATION,
    RECOVERY,
    SERVICE,
    Actor,
)
from domain.audit_file import END, FIELDS
from domain.capture import CaptureMode
from domain.dispute import REVERSED, DisputeStatus
from domain.explanation import Party
from domain.history import CREATED_AGAIN, GENESIS, STATE_FOUND
from domain.iso4217 import MINOR_UNITS
from domain.ledger import (
    ADJUSTMENTS,
    CONVERSIONS,
    DISPUTES,
    FEES,
    OTHERS,
    REFUNDS,
    UNCLASSIFIED,
)
from domain.ledger import ORDERS as INCOME
from domain.movement import MovementKind
from domain.order_captures import VOIDED
from domain.order_changes import FORGOTTEN, OWNER, REPLACED, SET, STATE_BEGINS
from domain.order_reviews import REVIEW_REFUSED, ReviewDecision
from domain.outcome import Refused
from domain.payment_status import (
    AUTHORIZATION_EXPIRED,
    CANCELLED_BY_CUSTOMER,
    NOT_SENT,
    ORDER_ALREADY_PAID,
    ORDER_CANCELLED,
    RELEASE_CODES,
    PaymentStatus,
)
from domain.refund import (
    CURRENCY_MISMATCH,
    EXCEEDS_PAYMENT,
    REFUNDED_EXTERNALLY,
    REQUESTED,
    RefundStatus,
)
from domain.refund_rules import EXTERNAL_REFUND
from domain.replica import OrderStatus
from domain.second_charge import CHARGED_TWICE
from tests.movements import a_movement

# Members by what they are called in the code, in their order.
MEMBERS: dict[type[Enum], str] = {
    CaptureMode: "automatic manual",
    DisputeStatus: "open prevented lost won",
    MovementKind: (
        "charge charge_failure refund refund_failure dispute dispute_reversal fee payout"
        " payout_reversal conversion adjustment other"
    ),
    OrderStatus: "created complete cancelled",
    PaymentStatus: (
        "processing requires_action pending authorized succeeded failed cancelled abandoned"
        " reversed review"
    ),
    RefundStatus: "pending succeeded failed",
    ReviewDecision: "accept refund",
}

CODES = {
    NOT_SENT: "not_sent",
    CANCELLED_BY_CUSTOMER: "cancelled_by_customer",
    ORDER_CANCELLED: "order_cancelled",
    ORDER_ALREADY_PAID: "order_already_paid",
    AUTHORIZATION_EXPIRED: "authorization_expired",
    VOIDED: "voided",
    REVIEW_REFUSED: "review_refused",
    CHARGED_TWICE: "charged_twice",
    CURRENCY_MISMATCH: "currency_mismatch",
    EXCEEDS_PAYMENT: "exceeds_payment",
    REFUNDED_EXTERNALLY: "refunded_externally",
    EXTERNAL_REFUND: "external_refund",
    REQUESTED: "requested",
    REVERSED: "reversed",
}

ACTORS = {
    CUSTOMER: "customer",
    ORDERS: "orders",
    RECOVERY: "recovery",
    RECONCILIATION: "reconciliation",
    SERVICE: "service",
    EXPORT: "export",
}

IN_HISTORIES = {
    STATE_BEGINS: "order.id",
    OWNER: "order.terms.user",
    SET: "set",
    REPLACED: "replaced",
    FORGOTTEN: "forgotten",
    END: "end of the file",
    STATE_FOUND: "state found: what changed it was not recorded",
    CREATED_AGAIN: "order created again: it was deleted, and its history was not",
}

ACCOUNTS = {
    INCOME: "Income:Orders",
    OTHERS: "Income:Others",
    REFUNDS: "Liabilities:Refunds",
    DISPUTES: "Expenses:Disputes",
    FEES: "Expenses:Fees",
    ADJUSTMENTS: "Income:Adjustments",
    UNCLASSIFIED: "Equity:Unclassified",
    CONVERSIONS: "Equity:Conversions",
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_members_of_an_enum_have_the_words_that_are_stored_of(kind: type[Enum]) -> None:
    words = MEMBERS[kind].split()
    assert [each.value for each in kind] == words
    assert [each.name.lower() for each in kind] == words


def test_the_parties_of_an_explanation_are_named_as_in_its_reply() -> None:
    assert [each.value for each in Party] == ["payer", "operator", "orders service"]


@pytest.mark.parametrize("words", [CODES, ACTORS, IN_HISTORIES, ACCOUNTS])
def test_a_constant_has_the_word_that_is_stored_or_published(words: dict[str, str]) -> None:
    assert [*words] == [*words.values()]


def test_a_history_begins_with_the_hash_and_the_fields_that_its_readers_know() -> None:
    assert GENESIS == "0" * 64
    assert FIELDS == ("seq", "at", "who", "why", "change", "prev", "hash")


def test_a_release_by_the_rules_has_one_of_these_codes() -> None:
    words = (
        "order_cancelled authorization_expired cancelled_by_customer order_already_paid"
        " order_expired declined_before amount_mismatch currency_mismatch livemode_mismatch"
        " charged_twice"
    )
    assert sorted(words.split()) == sorted(RELEASE_CODES)


@pytest.mark.parametrize(("currency", "decimals"), [("jpy", 0), ("usd", 2), ("bhd", 3), ("clf", 4)])
def test_a_currency_has_the_decimals_of_the_standard(currency: str, decimals: int) -> None:
    assert MINOR_UNITS[currency] == decimals


@pytest.mark.parametrize("kind", MovementKind)
def test_a_movement_has_our_word_unless_we_do_not_know_its_kind(kind: MovementKind) -> None:
    movement = a_movement(kind=kind, word="climate_contribution")
    expected = "climate_contribution" if kind is MovementKind.OTHER else kind.value
    assert movement.type == expected
    assert movement.is_payout is (kind is MovementKind.PAYOUT)


@pytest.mark.parametrize("word", [*ACTORS, "gateway:stripe"])
def test_an_operator_who_has_the_name_of_another_actor_is_told_from_it(word: str) -> None:
    assert Actor.operator(word).who == f"operator:{word}"
    assert Actor.operator("ann").who == "ann"


def test_the_words_of_an_actor_are_one_printable_line_of_limited_length() -> None:
    assert (MAX_WHO, MAX_REASON) == (100, 1_000)
    actor = Actor("a" * 101, "b" * 1001)
    assert (actor.who, actor.reason) == ("a" * 100, "b" * 1000)
    assert Actor("a\nb\u202e").who == "a\\nb\\u202e"
    assert Actor("Zoë Ångström \\").who == "Zoë Ångström \\"
    assert Actor("a").reason is None
    assert Actor.gateway("stripe").who == "gateway:stripe"
    assert Actor.command("root", "why") == Actor("cli:root", "why")
    assert Actor.customer().who == "customer"


def test_the_words_of_a_gateway_are_kept_up_to_their_limit() -> None:
    assert Refused("account_closed", "x" * 501).message == "x" * 500
