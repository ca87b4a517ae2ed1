"""A file that is damaged, or not one of ours, is refused with the number of the line."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from payments_kit.verification import reading
from payments_kit.verification.findings import NotJudged
from payments_kit.verification.lines import End, Header, encode
from payments_kit.verification.reading import BadFile
from payments_kit.verification.sealing import Seal
from payments_kit.verification.verify import verify_file
from tests.simulation.histories import GIVEN_BACK, NOW
from tests.verification.files import chain, ended, exported, file_of, header, judged

LINES = file_of(GIVEN_BACK)
LAST = len(LINES)


def sealed() -> list[bytes]:
    """Return the lines of a file with hashes."""
    seal = Seal()
    first = LINES[0].replace(b'"sealed":false', b'"sealed":true')
    return [seal.add(line) for line in (first, *LINES[1:])]


def refusal(lines: Sequence[bytes]) -> BadFile:
    with pytest.raises(BadFile) as refused:
        judged(lines)
    assert str(refused.value).isprintable()
    return refused.value


def changed(number: int, **changes: Any) -> list[bytes]:
    """Return a file without hashes in which a line, by its number, has other fields."""
    body = json.loads(LINES[number - 1]) | changes
    return [*LINES[: number - 1], json.dumps(body).encode(), *LINES[number:]]


def number_of(kind: str) -> int:
    begin = f'{{"kind":"{kind}"'.encode()
    return next(at for at, line in enumerate(LINES, 1) if line.startswith(begin))


def test_an_entry_that_books_cannot_have_is_named_once() -> None:
    odd = exported("o1", chain([(NOW, "orders", {"order.id": "o1", "order.status": []})]))
    lines = [b'{"kind":"history","entry":%b}' % line.encode() for line in odd]
    refused = refusal([LINES[0], *lines, encode(End(1 + len(lines)))])
    assert (refused.number, refused.problem) == (2, "its `change` is not as an export writes it")


def test_a_dropped_entry_is_a_broken_promise_also_if_no_books_can_be_made_of_the_others() -> None:
    number = number_of("history") + 1
    dropped = [*LINES[: number - 1], *LINES[number:-1], encode(End(LAST - 2))]
    [found] = judged(dropped).broken
    assert found.promise == 11
    assert "its `seq` is 3: a line was added, dropped or moved" in found.what
    assert found.evidence[0].number == number


def test_a_sealed_file_is_judged() -> None:
    assert judged(sealed()).is_kept


@pytest.mark.parametrize("number", range(1, LAST + 1))
def test_a_line_of_a_sealed_file_that_was_changed_is_named(number: int) -> None:
    lines = sealed()
    lines[number - 1] = lines[number - 1].replace(b"e", b"f", 1)
    assert refusal(lines).number == number


@pytest.mark.parametrize("number", range(2, LAST))
def test_a_line_of_a_sealed_file_that_was_dropped_is_missed(number: int) -> None:
    lines = sealed()
    assert refusal([*lines[: number - 1], *lines[number:]]).number == number


def test_lines_that_were_swapped_or_added_are_named() -> None:
    lines = sealed()
    assert refusal([*lines[:3], lines[4], lines[3], *lines[5:]]).number == 4
    assert refusal([*lines[:4], lines[3], *lines[4:]]).number == 5
    assert refusal([*lines, lines[-1]]).number == LAST + 1


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("kept", range(LAST))
def test_a_file_that_was_cut_off_is_incomplete(kept: int, is_sealed: bool) -> None:
    refused = refusal((sealed() if is_sealed else LINES)[:kept])
    assert refused.number == kept + 1
    assert "cut off" in refused.problem or kept == 0


def test_a_line_that_was_cut_off_is_named() -> None:
    lines = sealed()
    assert refusal([*lines[:3], lines[3][:20]]).number == 4


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not JSON",
        b"[1]",
        b"{}",
        b'{"kind": 7}',
        b'{"kind":"charge"}',
        b"\xff\xfe",
        b"\x00",
        b'{"kind":"event","id":"e1","subject":"payment:created","at":"2026-01-01T12:00:00Z"}',
        b'{"kind":"event","id":"e1","subject":"payment:created","at":"yesterday","body":{}}',
        b'{"kind":"orderEvent","subject":"s","at":"2026-01-01T12:00:00Z","data":"!"}',
        b'{"kind":"history","entry":{}}',
        b'{"kind":"history","entry":[1, 2]}',
        b'{"kind":"history","entry":{"at": 1, "seq": 1, "who": "x", "why": "y", "change": {}}}',
        b'{"kind":"waiting","order":""}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_none_of_ours_is_named(line: bytes) -> None:
    assert refusal([*LINES[:3], line, *LINES[3:]]).number == 4


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("charge", {"amount": -1}),
        ("charge", {"amount": 1.5}),
        ("charge", {"amount": "10000"}),
        ("charge", {"amount": 2**60}),
        ("charge", {"id": "x" * 2000}),
        ("refund", {"charge": None}),
        ("refund", {"createdAt": "2026-01-01T12:00:00"}),
        ("end", {"lines": 3}),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_line(kind: str, changes: dict[str, Any]) -> None:
    number = number_of(kind)
    refused = refusal(changed(number, **changes))
    assert refused.number == number
    assert next(iter(changes)) in refused.problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": "something-else"}, "format"),
        ({"version": 2}, "version 2"),
        ({"version": "1"}, "version"),
        ({"until": "2025-01-01T00:00:00Z"}, "ends before it begins"),
        ({"kind": "event"}, "not the header"),
    ],
)
def test_another_header_is_refused(changes: dict[str, Any], problem: str) -> None:
    refused = refusal(changed(1, **changes))
    assert (refused.number, problem in refused.problem) == (1, True)


def test_two_files_that_were_joined_are_refused() -> None:
    assert "two files" in refusal([*LINES[:-1], *LINES]).problem
    assert refusal([*LINES, *LINES]).number == LAST + 1


def test_a_line_without_end_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE", 1000)
    read = list[int]()

    class Endless(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            read.append(size or 0)
            return LINES[0] + b"\n" if len(read) == 1 else b"x" * (size or 0)

    with pytest.raises(BadFile, match="line 2: it has more than 1000 bytes"):
        verify_file(Endless(), lambda _what, _count: None)
    assert max(read) == 1002


def history_of(order: str, entries: int) -> list[bytes]:
    """Return the lines of a history, the last one of the export included."""
    begin: dict[str, Any] = {"order.id": order, "order.status": "created", "order.version": 0}
    changes = [begin, *({"order.version": number} for number in range(1, entries))]
    lines = exported(order, chain([(NOW, "orders", change) for change in changes]))
    return [b'{"kind":"history","entry":%b}' % line.encode() for line in lines]


def test_an_order_whose_first_entry_is_missing_is_named_and_the_others_are_judged() -> None:
    lines = [*LINES[:-1], *history_of("o2", 3)[1:], *history_of("o3", 3), LINES[-1]]
    summary = judged(ended(lines))
    found, other = summary.broken
    assert (found.promise, found.order, other.order) == (11, "o2", "o3")
    assert "its `seq` is 2: a line was added, dropped or moved" in found.what
    assert found.evidence[0].number == LAST
    assert summary.histories == 2
    assert (summary.judged, summary.skipped[NotJudged.BROKEN_HISTORY]) == (2, 1)


def test_a_history_without_first_and_last_line_is_reported_once_and_the_others_are_judged() -> None:
    nameless = [history_of("o2", 4)[1:-1], history_of("o3", 4)[1:-1]]
    lines = [LINES[0], *nameless[0], *LINES[1:-1], *nameless[1], LINES[-1]]
    summary = judged(ended(lines))
    assert [(each.promise, each.order) for each in summary.broken] == [(11, "?"), (11, "?")]
    assert [each.evidence[0].number for each in summary.broken] == [2, LAST + 3]
    assert summary.judged == 1


def test_a_missing_first_entry_is_found_also_if_its_charge_is_recorded_in_another_order() -> None:
    number = number_of("history")
    again = [line.replace(b'"o1"', b'"o2"') for line in LINES if b'"kind":"history"' in line]
    lines = [*LINES[: number - 1], *LINES[number:-1], *again, LINES[-1]]
    found = [each for each in judged(ended(lines)).broken if each.order == "o1"]
    assert [each.promise for each in found] == [11]


def test_what_a_later_version_writes_is_counted_and_not_judged() -> None:
    later = [b'{"kind":"payout","id":"po_1"}', b'{"kind":"payout","id":"po_2"}']
    summary = judged([*LINES[:3], *later, *LINES[3:-1], encode(End(LAST + 1))])
    assert (summary.is_kept, summary.judged, dict(summary.unknown)) == (True, 1, {"payout": 2})


def test_fields_that_a_later_version_adds_are_ignored() -> None:
    assert judged(changed(number_of("charge"), network="visa")).is_kept
    assert judged(changed(1, shopName="ours")).is_kept


def test_the_header_can_be_written_by_others() -> None:
    plain = {
        "kind": "header",
        "format": "payments-history",
        "version": 1,
        "sealed": False,
        "shop": "x",
        "createdAt": "2026-03-01T00:00:00Z",
        "since": "2026-01-01T00:00:00+01:00",
        "until": "2026-02-01T00:00:00Z",
    }
    lines = [json.dumps(plain).encode(), encode(End(1))]
    assert judged(lines).is_kept
    assert isinstance(header(), Header)
