"""An exported file: intact as it is, broken by every change, also for a program of others."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from domain.audit_file import MAX_LINE, BrokenLine, VerifiedFile, last_line, line_of, verify
from domain.canonical_json import canonical_json
from domain.history import GENESIS, HistoryEntry
from domain.history_tree import (
    HistoryProof,
    HistoryRoot,
    Siblings,
    climb,
    leaf_hash,
    path_of,
    root_of,
)
from domain.identifiers import OrderId
from domain.order_changes import STATE_BEGINS
from tests.builders import NOW, ORDER, PAYMENT, an_order, cancelled_event, charged, claimed
from tests.domain.test_history import history

DOCUMENTS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCUMENTS / "audit.md").read_text()

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


def broken(lines: Sequence[bytes], why: str) -> int:
    """Return the number of the line broken for that reason; the documented program finds one."""
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError, IndexError)):
        CHECK(lines)
    with pytest.raises(BrokenLine) as error:
        verify(lines)
    assert "\n" not in str(error.value)
    assert why in error.value.problem
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
    assert verify(exported()) == VerifiedFile(ORDER, 4, ENTRIES[-1].hash, None, None, 0)
    assert CHECK(exported())[2:] == (None, 0)


def test_the_last_line_says_which_root_contains_which_entry() -> None:
    proof = proof_of(ENTRIES[1])
    change = json.loads(exported(proof=proof)[-1])["change"]
    root = {
        "root": proof.root.root,
        "at": "2026-11-22T12:00:00.000000+00:00",
        "orders": 41,
        "seq": 2,
        "path": [[list(each.before), list(each.after)] for each in proof.path],
    }
    assert change == {"end": [None, {"order": ORDER, "entries": 4, "root": root}]}
    assert root.keys() == {
        field.removeprefix("root.") for field in re.findall(r"`(root\.\w+)`", DOCUMENT)
    }


@given(st.data())
def test_every_changed_field_of_every_line_is_found(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(FILE) - 1))
    entry = json.loads(FILE[number])
    name = data.draw(st.sampled_from(sorted(entry)))
    other = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=5))
    if other == entry[name]:
        return
    changed = json.dumps({**entry, name: other}).encode()
    why = f"`{name}`" if name in ("seq", "prev") else "`hash`"
    assert broken([*FILE[:number], changed, *FILE[number + 1 :]], why) == number + 1


@pytest.mark.parametrize("number", range(len(FILE)))
def test_every_dropped_line_is_found(number: int) -> None:
    why = "dropped or moved" if number < len(FILE) - 1 else "it is missing"
    assert broken([*FILE[:number], *FILE[number + 1 :]], why) == number + 1


@pytest.mark.parametrize("number", range(len(FILE) - 1))
def test_every_swap_is_found(number: int) -> None:
    lines = [*FILE]
    lines[number], lines[number + 1] = lines[number + 1], lines[number]
    assert broken(lines, "dropped or moved") == number + 1


@pytest.mark.parametrize("number", range(len(FILE) + 1))
def test_every_added_line_is_found(number: int) -> None:
    added = [*FILE[:number], FILE[1], *FILE[number:]]
    why = "a line was added" if number < len(FILE) else "it was added"
    assert broken(added, why) in (number + 1, number + 2)


@pytest.mark.parametrize("left", range(len(FILE)))
def test_every_cut_is_found(left: int) -> None:
    assert broken(FILE[:left], "it is missing") == left + 1


@pytest.mark.parametrize(
    "line",
    [
        FILE[0].replace(b'"who":', b'"who":"nobody","who":'),
        FILE[0].replace(b'"change":{', b'"change":{"order.id":[null,"another"],'),
    ],
    ids=["field", "path"],
)
def test_a_name_that_was_added_before_the_same_name_is_found(line: bytes) -> None:
    assert broken([line, *FILE[1:]], "it is not a JSON object") == 1


def test_a_history_whose_end_was_dropped_before_the_export_is_found() -> None:
    dropped = exported(ENTRIES[:3], proof_of(ENTRIES[-1]))
    assert broken(dropped, "the end of the history was dropped") == 4


def test_a_history_that_was_written_anew_leads_to_another_root() -> None:
    anew = history(an_order(), claimed())
    assert verify(exported(anew, proof_of(anew[-1]))).root != verify(FILE).root
    forged = evolve(proof_of(anew[-1]), root=proof_of(ENTRIES[-1]).root)
    assert broken(exported(anew, forged), "its path does not lead") == 3


def test_the_last_line_of_another_order_is_found() -> None:
    other = last_line(ENTRIES[-1], OrderId("another"), None).encode()
    assert broken([*FILE[:-1], other], "it is of another order") == 5


def test_a_file_without_any_entry_proves_nothing() -> None:
    end = {"order": "", "entries": 0, "root": None}
    change = canonical_json({"end": [None, end]})
    line = line_of(HistoryEntry.of(1, NOW, "export", "end of the file", change, GENESIS))
    with pytest.raises(BrokenLine, match=r"^line 1: it is of another order"):
        verify([line.encode()])


@pytest.mark.parametrize("levels", [20, 21])
def test_a_path_has_at_most_twenty_levels(levels: int) -> None:
    path = [Siblings((), ())] * levels
    root = climb(leaf_hash(ORDER, 4, ENTRIES[-1].hash), path)
    lines = exported(proof=HistoryProof(HistoryRoot(1, NOW, root, 1, True), ORDER, 4, "", path))
    if levels > 20:
        with pytest.raises(BrokenLine, match="its path does not lead"):
            verify(lines)
    else:
        assert verify(lines).root == root


def test_the_longest_line_is_that_of_the_documentation() -> None:
    document = (DOCUMENTS / "reference/history-file.md").read_text()
    assert "a line at most 64 MiB" in document
    assert MAX_LINE == 64 * 2**20


def test_a_line_may_have_as_many_bytes_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = max(map(len, FILE))
    monkeypatch.setattr("domain.audit_file.MAX_LINE", longest)
    assert verify(FILE).entries == 4
    monkeypatch.setattr("domain.audit_file.MAX_LINE", longest - 1)
    with pytest.raises(BrokenLine, match=f"it has more than {longest - 1} bytes"):
        verify(FILE)


NO_JSON = "it is not a JSON object"
NO_ENTRY = "it is not an object with the fields"

MALFORMED: dict[bytes, str] = {
    b"": NO_JSON,
    b"{": NO_JSON,
    b"[]": NO_ENTRY,
    b"null": NO_ENTRY,
    b"\xff": NO_JSON,
    b"\xef\xbb\xbf" + FILE[0]: NO_JSON,
    b'{"seq": 1}': NO_ENTRY,
    b'["seq","at","who","why","change","prev","hash"]': NO_ENTRY,
    FILE[0][:-1] + b',"more":1}': NO_ENTRY,
    FILE[0][:-1] + b',"seq":1}': NO_JSON,
    FILE[0].replace(b'"seq":1', b'"seq":1.0'): NO_JSON,
    FILE[0].replace(b'"seq":1', b'"seq":1e0'): NO_JSON,
    FILE[0].replace(b'"seq":1', b'"seq":true'): "its `seq` is true",
    FILE[0].replace(b'"seq":1', b'"seq":NaN'): NO_JSON,
    FILE[0].replace(b'"seq":1', b'"seq":' + b"9" * 5_000): NO_JSON,
    FILE[0].replace(b'"who":"', b'"who":"\\ud800'): "its `hash` is not that",
    b"[" * 100_000: NO_JSON,
    b" " * (MAX_LINE + 1): "it has more than",
}


@pytest.mark.parametrize(("line", "why"), MALFORMED.items(), ids=range(len(MALFORMED)))
def test_a_malformed_line_is_named(line: bytes, why: str) -> None:
    with pytest.raises(BrokenLine, match=rf"^line 1: {why}"):
        verify([line, *FILE[1:]])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)


def forged(number: int, **changes: Any) -> bytes:
    """Return a line of the file with other fields, and with the hash that makes it right."""
    entry = {**json.loads(FILE[number]), **changes}
    content = canonical_json({name: entry[name] for name in sorted(entry) if name != "hash"})
    digest = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return f'{content[:-1]},"hash":"{digest}"}}'.encode()


@pytest.mark.parametrize("seq", [True, 0, 2, -1, "1", None, [1], {"1": 1}, "1" * 1_000])
def test_a_number_that_is_not_that_of_its_line_is_shown_by_its_beginning(seq: Any) -> None:
    with pytest.raises(BrokenLine) as error:
        verify([forged(0, seq=seq), *FILE[1:]])
    shown = json.dumps(seq)[:40]
    assert str(error.value) == f"line 1: its `seq` is {shown}: a line was added, dropped or moved"


@given(anything)
def test_a_last_line_with_anything_in_it_is_an_error_and_no_crash(end: Any) -> None:
    for change in (end, {"end": end}, {"end": [None, end]}):
        with pytest.raises(BrokenLine, match=r"^line 5: "):
            verify([*FILE[:-1], forged(4, change=change)])


def replaced(value: Any, path: Sequence[Any], new: Any) -> Any:
    """Return a copy of a JSON value with another value at the end of this path."""
    if not path:
        return new
    first, *rest = path
    copy = [*value] if isinstance(value, list) else dict(value)
    copy[first] = replaced(value[first], rest, new)
    return copy


def paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each part of a JSON value."""
    yield ()
    match value:
        case dict() | list():
            for key in value if isinstance(value, dict) else range(len(value)):
                yield from ((key, *path) for path in paths(value[key]))
        case _:
            pass


LAST = json.loads(FILE[-1])["change"]
UNPROVED = ("root", "at"), ("root", "orders")


@given(st.sampled_from(list(paths(LAST["end"][1]))), anything)
@example(("order",), None)
@example(("root", "path", 0), [[]])
@example(("root", "path", 0, 0, 0), "no hash")
@example(("root", "path", 0, 0, 0), 7)
@example(("root", "seq"), -9)
@example(("root",), {})
def test_anything_in_a_part_of_the_last_line_proves_nothing_else(path: Any, new: Any) -> None:
    if path == ("root",) and new is None:
        return  # a file without a root, which is another proof
    change = replaced(LAST, ("end", 1, *path), new)
    try:
        found = verify([*FILE[:-1], forged(4, change=change)])
    except BrokenLine:
        return
    intact = verify(FILE)
    assert evolve(found, root_at=intact.root_at) == intact
    assert change == LAST or path in UNPROVED


@given(st.sampled_from(list(paths(json.loads(FILE[0])["change"]))), anything)
def test_a_first_line_with_anything_in_it_breaks_the_file(path: Any, new: Any) -> None:
    change = json.loads(FILE[0])["change"]
    line = forged(0, change=replaced(change, path, new))
    if line != FILE[0]:
        with pytest.raises(BrokenLine):
            verify([line, *FILE[1:]])


@given(anything)
def test_a_file_with_anything_for_the_id_of_its_order_is_an_error_and_no_crash(value: Any) -> None:
    first = forged(0, change={STATE_BEGINS: [None, value]})
    newest = json.loads(first)["hash"]
    end = {"order": value, "entries": 1, "root": {**LAST["end"][1]["root"], "seq": 1}}
    last = forged(4, seq=2, prev=newest, change={"end": [None, end]})
    with pytest.raises(BrokenLine, match=r"^line 2: "):
        verify([first, last])
    rootless = forged(4, seq=2, prev=newest, change={"end": [None, {**end, "root": None}]})
    assert verify([first, rootless]) == VerifiedFile(value, 1, newest, None, None, 0)


def test_the_documented_paths_are_those_of_a_file() -> None:
    kinds = {path.partition(".")[0] for entry in ENTRIES for path in json.loads(entry.change)}
    assert kinds == {"order", "payment", "refund"}
