"""An exported file: intact as it is, broken by every change, also for a program of others."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.audit_file import MAX_LINE, BrokenLine, VerifiedFile, last_line, line_of, verify
from domain.history import HistoryEntry
from domain.history_tree import HistoryProof, HistoryRoot, leaf_hash, path_of, root_of
from domain.identifiers import OrderId
from tests.builders import NOW, ORDER, PAYMENT, an_order, cancelled_event, charged, claimed
from tests.domain.test_history import history

DOCUMENT = (Path(__file__).parents[2] / "docs/audit.md").read_text()

PAID = claimed().settle(PAYMENT, charged(), NOW)
ENTRIES = history(an_order(), claimed(), PAID, PAID.apply(cancelled_event(), NOW))


def proof_of(entry: HistoryEntry, order_id: OrderId = ORDER, others: int = 40) -> HistoryProof:
    """Return the proof that a root over many orders contains this entry."""
    leaves = [leaf_hash(f"other-{number}", 1, "0" * 64) for number in range(others)]
    leaves.insert(others // 2, leaf_hash(order_id, entry.seq, entry.hash))
    root, levels = root_of(leaves)
    path = path_of(others // 2, levels)
    recorded = HistoryRoot(1, NOW, root, len(leaves), is_complete=True)
    return HistoryProof(recorded, order_id, entry.seq, entry.hash, path)


def exported(
    entries: Sequence[HistoryEntry] = ENTRIES, proof: HistoryProof | None = None
) -> list[bytes]:
    lines = [*map(line_of, entries), last_line(entries[-1], ORDER, proof)]
    return [line.encode() for line in lines]


FILE = exported(proof=proof_of(ENTRIES[-1]))


def independent() -> Callable[[Sequence[bytes]], tuple[Any, ...]]:
    """Return the function `check` of docs/audit.md."""
    [code] = re.findall(r"```python\n(.+?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    check: Callable[[Sequence[bytes]], tuple[Any, ...]] = names["check"]
    return check


CHECK = independent()


def broken(lines: Sequence[bytes]) -> int:
    """Return the number of the broken line; the documented program finds one, too."""
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError, IndexError)):
        CHECK(lines)
    with pytest.raises(BrokenLine) as error:
        verify(lines)
    assert "\n" not in str(error.value)
    return error.value.number


@pytest.mark.parametrize("others", [0, 1, 15, 16, 300])
def test_an_intact_file_is_verified_by_both_programs(others: int) -> None:
    proof = proof_of(ENTRIES[-1], others=others)
    root, newest = proof.root.root, ENTRIES[-1].hash
    at = "2026-11-22T12:00:00.000000+00:00"
    lines = exported(proof=proof)
    assert verify(lines) == VerifiedFile(ORDER, 4, newest, root, at, 4)
    assert CHECK(lines) == (ORDER, newest, root, 4)


def test_a_file_may_be_newer_than_the_root_or_than_every_root() -> None:
    proof = proof_of(ENTRIES[1])
    assert verify(exported(proof=proof)).rooted == 2
    assert CHECK(exported(proof=proof))[2:] == (proof.root.root, 2)
    assert verify(exported()).root is None
    assert CHECK(exported())[2:] == (None, 0)


@given(st.data())
def test_every_changed_field_of_every_line_is_found(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(FILE) - 1))
    entry = json.loads(FILE[number])
    name = data.draw(st.sampled_from(sorted(entry)))
    other = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=5))
    if other == entry[name]:
        return
    changed = json.dumps({**entry, name: other}).encode()
    assert broken([*FILE[:number], changed, *FILE[number + 1 :]]) == number + 1


@pytest.mark.parametrize("number", range(len(FILE)))
def test_every_dropped_line_is_found(number: int) -> None:
    assert broken([*FILE[:number], *FILE[number + 1 :]]) == number + 1


@pytest.mark.parametrize("number", range(len(FILE) - 1))
def test_every_swap_is_found(number: int) -> None:
    lines = [*FILE]
    lines[number], lines[number + 1] = lines[number + 1], lines[number]
    assert broken(lines) == number + 1


@pytest.mark.parametrize("number", range(len(FILE) + 1))
def test_every_added_line_is_found(number: int) -> None:
    added = [*FILE[:number], FILE[1], *FILE[number:]]
    assert broken(added) in (number + 1, number + 2)


@pytest.mark.parametrize("left", range(len(FILE)))
def test_every_cut_is_found(left: int) -> None:
    assert broken(FILE[:left]) == left + 1


@pytest.mark.parametrize(
    "line",
    [
        FILE[0].replace(b'"who":', b'"who":"nobody","who":'),
        FILE[0].replace(b'"change":{', b'"change":{"order.id":[null,"another"],'),
    ],
    ids=["field", "path"],
)
def test_a_name_that_was_added_before_the_same_name_is_found(line: bytes) -> None:
    assert broken([line, *FILE[1:]]) == 1


def test_a_history_whose_end_was_dropped_before_the_export_is_found() -> None:
    assert broken(exported(ENTRIES[:3], proof_of(ENTRIES[-1]))) == 4


def test_a_history_that_was_written_anew_leads_to_another_root() -> None:
    anew = history(an_order(), claimed())
    assert verify(exported(anew, proof_of(anew[-1]))).root != verify(FILE).root
    assert broken(exported(anew, evolve(proof_of(anew[-1]), root=proof_of(ENTRIES[-1]).root))) == 3


def test_the_last_line_of_another_order_is_found() -> None:
    other = last_line(ENTRIES[-1], OrderId("another"), None).encode()
    assert broken([*FILE[:-1], other]) == 5


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"\xef\xbb\xbf" + FILE[0],
        b'{"seq": 1}',
        FILE[0][:-1] + b',"more":1}',
        FILE[0][:-1] + b',"seq":1}',
        FILE[0].replace(b'"seq":1', b'"seq":1.0'),
        FILE[0].replace(b'"seq":1', b'"seq":true'),
        FILE[0].replace(b'"seq":1', b'"seq":NaN'),
        FILE[0].replace(b'"seq":1', b'"seq":' + b"9" * 5_000),
        FILE[0].replace(b'"who":"', b'"who":"\\ud800'),
        b"[" * 100_000,
        b" " * (MAX_LINE + 1),
    ],
    ids=range(16),
)
def test_a_malformed_line_is_named(line: bytes) -> None:
    with pytest.raises(BrokenLine, match=r"^line 1: "):
        verify([line, *FILE[1:]])


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_a_last_line_with_anything_in_it_is_an_error_and_no_crash(end: Any) -> None:
    change = json.dumps({"end": [None, end]}, sort_keys=True, separators=(",", ":"))
    entry = HistoryEntry.of(5, NOW, "export", "end of the file", change, ENTRIES[-1].hash)
    with pytest.raises(BrokenLine, match=r"^line 5: "):
        verify([*FILE[:-1], line_of(entry).encode()])


def test_the_documented_paths_are_those_of_a_file() -> None:
    kinds = {path.partition(".")[0] for entry in ENTRIES for path in json.loads(entry.change)}
    assert kinds == {"order", "payment", "refund"}
