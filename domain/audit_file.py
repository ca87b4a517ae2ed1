"""AuditFile: the history of one order as lines of JSON, and how anybody checks them.

The last line is written by the export. It has the same form and continues the chain, and says which
root contains which entry, so a file whose end was cut is incomplete.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import frozen

from domain.actor import EXPORT
from domain.canonical_json import canonical_json
from domain.history import GENESIS, HistoryEntry
from domain.history_tree import HistoryProof, Siblings, climb, leaf_hash
from domain.identifiers import OrderId
from domain.order_changes import STATE_BEGINS, moment

Result = TypeVar("Result")

END: Final = "end of the file"
"""Why the last line is written."""

MAX_LINE: Final = 64 * 1024 * 1024
"""Bytes of a line. The state of an order with ten thousand payments has about 10 MB."""

FIELDS: Final = ("seq", "at", "who", "why", "change", "prev", "hash")

# Levels of a tree with more orders than there will be, each with fifteen siblings.
_MAX_LEVELS: Final = 20


@frozen
class BrokenLine(Exception):
    """The first line that is not as it was exported."""

    number: int
    problem: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.problem}"


@frozen
class VerifiedFile:
    """What an intact file proves."""

    order_id: str
    entries: int
    newest_hash: str
    root: str | None
    """The root that contains the order; None if none did when the file was exported."""
    root_at: str | None
    rooted: int
    """How many of the entries the root contains."""


def line_of(entry: HistoryEntry) -> str:
    """Return the line of an entry: its content as it is stored, and its hash."""
    return f'{entry.content[:-1]},"hash":"{entry.hash}"}}'


def last_line(last: HistoryEntry, order_id: OrderId, proof: HistoryProof | None) -> str:
    """Return the last line of the file; `last` is the newest entry."""
    end: dict[str, Any] = {"order": order_id, "entries": last.seq, "root": None}
    if proof is not None:
        end["root"] = {
            "root": proof.root.root,
            "at": moment(proof.root.at),
            "orders": proof.root.orders,
            "seq": proof.seq,
            "path": [[list(each.before), list(each.after)] for each in proof.path],
        }
    change, seq = canonical_json({"end": [None, end]}), last.seq + 1
    return line_of(HistoryEntry.of(seq, last.at, EXPORT, END, change, last.hash))


def verify(lines: Iterable[bytes]) -> VerifiedFile:
    """Return what the file proves.

    Raises:
        BrokenLine: the first line that was changed, moved or added, or is missing.
    """
    hashes, order_id, end, is_complete = [GENESIS], "", None, False
    for number, line in enumerate(lines, start=1):
        if is_complete:
            raise BrokenLine(number, "it follows the last line of the export: it was added")
        entry = _parsed(number, line)
        _check_chain(number, entry, hashes[-1])
        hashes.append(str(entry["hash"]))
        if (entry["who"], entry["why"]) == (EXPORT, END):
            end, is_complete = _after(number, entry, "end"), True
        elif number == 1:
            order_id = _after(number, entry, STATE_BEGINS)
    if not is_complete:
        problem = "it is missing: the last line of an export says where the file ends"
        raise BrokenLine(len(hashes), problem)
    return _read(len(hashes) - 1, lambda: _verified(order_id, hashes[:-1], end))


def _parsed(number: int, line: bytes) -> Mapping[str, Any]:
    """Return the object of a line: seven fields, and no number that is not whole."""
    if len(line) > MAX_LINE:
        raise BrokenLine(number, f"it has more than {MAX_LINE} bytes")
    try:
        entry = json.loads(
            line.decode(),
            object_pairs_hook=_unique,
            parse_float=_refused,
            parse_constant=_refused,
        )
    except (ValueError, RecursionError):
        raise BrokenLine(number, "it is not a JSON object as an export has it") from None
    if not isinstance(entry, dict) or set(entry) != set(FIELDS):
        raise BrokenLine(number, f"it is not an object with the fields {', '.join(FIELDS)}")
    return entry


def _check_chain(number: int, entry: Mapping[str, Any], prev: str) -> None:
    if entry["seq"] != number or isinstance(entry["seq"], bool):
        found = json.dumps(entry["seq"])[:40]
        raise BrokenLine(number, f"its `seq` is {found}: a line was added, dropped or moved")
    if entry["prev"] != prev:
        raise BrokenLine(number, "its `prev` is not the `hash` of the line before it")
    content = canonical_json({name: entry[name] for name in FIELDS if name != "hash"})
    # A text may have half of a pair of surrogates, which UTF-8 cannot express.
    digest = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()
    if entry["hash"] != digest:
        raise BrokenLine(number, "its `hash` is not that of its content: it was changed")


def _verified(order_id: str, hashes: Sequence[str], end: Any) -> VerifiedFile:
    """Compare the end of the chain with what the last line says."""
    number, entries = len(hashes), len(hashes) - 1
    if (end["order"], end["entries"]) != (order_id, entries) or not entries:
        raise BrokenLine(number, "it is of another order, or of a longer or shorter file")
    proof = end["root"]
    if proof is None:
        return VerifiedFile(order_id, entries, hashes[-1], None, None, 0)
    rooted = proof["seq"]
    if rooted > entries:
        problem = f"the root contains entry {rooted}, and the file ends with entry {entries}"
        raise BrokenLine(number, f"{problem}: the end of the history was dropped")
    path = [Siblings(tuple(before), tuple(after)) for before, after in proof["path"][:_MAX_LEVELS]]
    if climb(leaf_hash(order_id, rooted, hashes[rooted]), path) != proof["root"]:
        raise BrokenLine(number, f"its path does not lead from entry {rooted} to its root")
    return VerifiedFile(order_id, entries, hashes[-1], proof["root"], str(proof["at"]), rooted)


def _after(number: int, entry: Mapping[str, Any], path: str) -> Any:
    """Return what an entry has after its change of this path."""
    return _read(number, lambda: entry["change"][path][1])


def _read(number: int, read: Callable[[], Result]) -> Result:
    """Read a part of a line whose hash is right: anybody can write one without this part."""
    try:
        return read()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise BrokenLine(number, "it does not contain what an export writes there") from None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refused(_text: str) -> None:
    raise ValueError("not a whole number")
