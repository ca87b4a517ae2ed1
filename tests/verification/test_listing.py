"""A gateway's own export is judged in the place of what the file says about its charges."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import evolve
from click.testing import CliRunner

from payments_kit.simulation.model.records import History
from payments_kit.verification.findings import NotJudged
from payments_kit.verification.lines import GatewayLists
from payments_kit.verification.listing import BadListing
from payments_kit.verification.summary import Summary
from payments_kit.verification.verify_command import verify_history
from tests.simulation.histories import AUTHORIZED, GIVEN_BACK, NOW, PAID
from tests.verification.files import UNTIL, broken_in, file_of, header, judged

AT: Final = int(NOW.timestamp()) + 1
LABELS: Final = {"payment_id": "p1", "order_id": "o1"}
CHARGE: Final[dict[str, Any]] = {
    "object": "charge",
    "id": "ch_1",
    "amount": 10_000,
    "amount_captured": 10_000,
    "amount_refunded": 10_000,
    "captured": True,
    "created": AT,
    "currency": "usd",
    "metadata": LABELS,
    "payment_intent": "pi_1",
    "refunded": False,
    "status": "succeeded",
}
REFUND: Final[dict[str, Any]] = {
    "object": "refund",
    "id": "re_9",
    "amount": 10_000,
    "charge": "ch_1",
    "created": AT + 2,
    "currency": "usd",
    "metadata": LABELS | {"refund_id": "r1", "refund_key": "r1:0"},
    "status": "succeeded",
}
OF_OTHERS: Final = CHARGE | {"id": "ch_other", "metadata": {"cart": "7"}}
SECOND: Final = CHARGE | {"id": "ch_2", "amount_refunded": 0}
HELD: Final = CHARGE | {"captured": False, "amount_captured": 0, "amount_refunded": 0}


def at_stripe(history: History, **changes: Any) -> list[bytes]:
    """Return the file of a shop whose gateway is Stripe."""
    orders = [
        each._replace(payments=tuple(one._replace(gateway="stripe") for one in each.payments))
        for each in history.orders
    ]
    events = [
        each._replace(body={**each.body, "gateway": "stripe"}) if "gateway" in each.body else each
        for each in history.events
    ]
    first = header(gateways=[GatewayLists("stripe", True, True)], **({"shop": ""} | changes))
    lines = file_of(evolve(history, orders=orders, events=events), first)
    records = b'{"kind":"charge"', b'{"kind":"refund"'
    return [
        line.replace(b'"fake"', b'"stripe"') if line.startswith(records) else line for line in lines
    ]


def verified(listing: bytes, history: History = GIVEN_BACK, **changes: Any) -> Summary:
    return judged(at_stripe(history, **changes), listed=listing)


def as_lines(*bodies: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


def as_lists(*bodies: dict[str, Any]) -> bytes:
    return as_lines(*({"object": "list", "data": [body]} for body in bodies))


def as_document(*bodies: dict[str, Any]) -> bytes:
    return json.dumps([*bodies], indent=2).encode()


@pytest.mark.parametrize("form", [as_lines, as_lists, as_document])
def test_it_replaces_what_the_file_says(form: Callable[..., bytes]) -> None:
    assert verified(form(CHARGE, REFUND)).is_kept
    found = verified(form(REFUND, CHARGE | {"amount_captured": 9_900}))
    assert "2: payment p1 captured 10000 usd with ch_1, charge ch_1 9900 usd" in broken_in(found)
    places = {each.place for one in found.broken for each in one.evidence}
    assert ("listed", 2) in places


@pytest.mark.parametrize(
    ("bodies", "violation"),
    [
        ([CHARGE, SECOND, REFUND], "2: payment p1 captured 10000 usd with ch_1, charge ch_2"),
        ([CHARGE, REFUND | {"amount": 1}], "2: the gateway refunded 1 usd for r1"),
        ([REFUND | {"status": "failed"}], "2: the gateway has no refund r1"),
        ([CHARGE, REFUND | {"metadata": {"refund_id": "r1", "refund_key": "x"}}], None),
        ([CHARGE | {"created": AT + 10**7}], "2: payment p1 is succeeded without a charge"),
        ([CHARGE | {"status": "failed"}], "2: payment p1 is succeeded without a charge"),
        ([OF_OTHERS], "2: payment p1 is succeeded without a charge"),
    ],
)
def test_what_the_gateway_says_otherwise_is_found(
    bodies: list[dict[str, Any]], violation: str | None
) -> None:
    found = broken_in(verified(as_lines(*bodies)))
    assert violation is None or any(each.startswith(violation) for each in found), found
    assert found == [] or violation is not None


def test_charges_of_others_are_counted() -> None:
    found = verified(as_lines(CHARGE, REFUND, OF_OTHERS))
    assert (found.is_kept, found.counted.foreign) == (True, 1)
    assert verified(as_lines(CHARGE), shop="x7").counted.foreign == 1


def test_a_list_of_charges_leaves_the_refunds_of_the_file() -> None:
    assert verified(as_lines(CHARGE)).is_kept
    assert verified(as_lines(REFUND)).is_kept


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment_intent": {"id": "pi_1", "status": "requires_capture"}}, None),
        ({"payment_intent": None}, None),
        ({"payment_intent": "pi_1"}, NotJudged.UNKNOWN_VALUE),
    ],
)
def test_what_is_held_is_judged_if_the_list_says_so(
    changes: dict[str, Any], reason: NotJudged | None
) -> None:
    found = verified(as_lines(HELD | changes), AUTHORIZED)
    assert broken_in(found) == []
    assert [*found.skipped] == ([] if reason is None else [reason])


@pytest.mark.parametrize(
    "changes", [{"refunded": True}, {"payment_intent": {"id": "pi_1", "status": "canceled"}}]
)
def test_what_was_released_is_not_held(changes: dict[str, Any]) -> None:
    found = broken_in(verified(as_lines(HELD | changes, OF_OTHERS), AUTHORIZED))
    assert found == ["2: payment p1 is authorized, and nothing is held for it"]


def test_amounts_are_those_of_iso_4217() -> None:
    # Stripe has two decimals for the Icelandic króna, which has none.
    isk = CHARGE | {"currency": "isk", "amount_captured": 1_000_000, "amount_refunded": 0}
    found = broken_in(verified(as_lines(isk), PAID))
    assert any("charge ch_1 10000 isk" in each for each in found), found


@pytest.mark.parametrize(
    ("listing", "problem"),
    [
        (b"not JSON", "record 1: it is not JSON"),
        (b'{"object": "payout"}', "record 1: it is not a charge, refund or dispute"),
        (b"[1]", "record 1: it is not a charge"),
        (
            as_lines(CHARGE, {"object": "charge", "metadata": LABELS}),
            "record 2: it is not a valid charge",
        ),
        (as_lines(CHARGE | {"amount_captured": "7"}), "record 1: it is not a valid charge"),
        (as_lines(CHARGE | {"currency": "isk"} | {"amount_captured": 5}), "more decimals"),
        (as_lines({"kind": "charge", "gateway": "till"}), "record 1: it is not a valid charge"),
        (as_lines(CHARGE) + b"[", "record 2: it is not JSON"),
        (b"[" * 100_000, "record 1: it is not JSON"),
        (b"", "record 1: it is missing: an empty file does not say what it lists"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(
    listing: bytes, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(BadListing, match=problem):
        verified(listing)
    file, listed = tmp_path / "shop.jsonl", tmp_path / "listing.jsonl"
    file.write_bytes(b"\n".join(at_stripe(GIVEN_BACK)))
    listed.write_bytes(listing)
    ended = CliRunner().invoke(verify_history, ["--listing", str(listed), str(file)])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"payments: {listed}: record ")


def test_a_list_in_the_format_of_the_file_is_for_every_gateway() -> None:
    lines = [line for line in at_stripe(GIVEN_BACK) if line.startswith(b'{"kind":"charge"')]
    assert verified(b"\n".join(lines)).is_kept
    changed = [line.replace(b'"amount":10000', b'"amount":1') for line in lines]
    assert not verified(b"\n".join(changed)).is_kept


def test_what_is_out_of_the_period_is_left_out() -> None:
    late = int(UNTIL.timestamp()) + 5
    later = CHARGE | {"id": "ch_8", "created": late, "metadata": {"payment_id": "p8"}}
    assert verified(as_lines(CHARGE, REFUND, later)).is_kept
