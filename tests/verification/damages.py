"""Damages of a file, each of which is a broken promise or a contradiction."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from tests.verification.files import hashed

Lines = Sequence[bytes]
Damage = Callable[[Lines], Iterator[list[bytes]]]
"""Yields the file with this damage at each place where it matters."""

_REQUIRED: Final = ("created", "failed", "refunded", "pending", "voided", "expiring", "disputed")
"""What is always missed. `authorized` is not of what was released: nobody needs it any more."""


def _bodies(lines: Lines, *kinds: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines):
        body = json.loads(line)
        if body["kind"] in kinds:
            yield number, body


def _without(lines: Lines, number: int) -> list[bytes]:
    return [*lines[:number], *lines[number + 1 :]]


def _with(lines: Lines, number: int, *bodies: dict[str, Any]) -> list[bytes]:
    return [
        *lines[:number],
        *(json.dumps(each).encode() for each in bodies),
        *lines[number + 1 :],
    ]


def _captured(lines: Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    return (each for each in _bodies(lines, "charge") if each[1]["state"] == "captured")


def drop_a_charge(lines: Lines) -> Iterator[list[bytes]]:
    return (_without(lines, number) for number, _ in _captured(lines))


def change_the_amount_of_a_charge(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _captured(lines):
        yield _with(lines, number, body | {"amount": body["amount"] + 1})


def change_the_currency_of_a_charge(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _captured(lines):
        yield _with(lines, number, body | {"currency": "sek"})


def charge_twice(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _captured(lines):
        yield _with(lines, number, body, body | {"id": f"{body['id']}_2", "refunded": 0})


def charge_for_another_order(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _captured(lines):
        yield _with(lines, number, body | {"order": "another"})


def _given_back(lines: Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the refunds that moved money: one that a bank has rejected may be missing."""
    return (each for each in _bodies(lines, "refund") if each[1]["state"] == "succeeded")


def drop_a_refund(lines: Lines) -> Iterator[list[bytes]]:
    return (_without(lines, number) for number, _ in _given_back(lines))


def change_the_amount_of_a_refund(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _given_back(lines):
        yield _with(lines, number, body | {"amount": body["amount"] + 1})


def refund_twice(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _given_back(lines):
        yield _with(lines, number, body, body | {"id": f"{body['id']}_2"})


def drop_an_event(lines: Lines) -> Iterator[list[bytes]]:
    times = Counter(body["id"] for _, body in _bodies(lines, "event"))
    for number, body in _bodies(lines, "event"):
        if body["subject"].removeprefix("payment:") in _REQUIRED and times[body["id"]] == 1:
            yield _without(lines, number)


def change_the_amount_of_an_event(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _bodies(lines, "event"):
        if "amount" in body["body"]:
            content = body["body"] | {"amount": body["body"]["amount"] + 1}
            yield _with(lines, number, body | {"body": content})


def publish_under_another_id(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _bodies(lines, "event"):
        yield _with(lines, number, body, body | {"id": f"{body['id']} again"})


def swap_two_events_of_an_order(lines: Lines) -> Iterator[list[bytes]]:
    """Swap `payment:created` with the refund or the authorization of the same payment."""
    first = dict[str, tuple[int, dict[str, Any]]]()
    times = Counter(body["id"] for _, body in _bodies(lines, "event"))
    for number, body in _bodies(lines, "event"):
        if times[body["id"]] > 1 or body["subject"] not in _ORDERED:
            continue
        name = body["body"]["id"]
        if name in first and first[name][1]["subject"] != body["subject"]:
            swapped = [*lines]
            swapped[first[name][0]], swapped[number] = lines[number], lines[first[name][0]]
            yield swapped
        first[name] = number, body


_ORDERED: Final = ("payment:authorized", "payment:created", "payment:refunded")


def drop_a_line_of_a_history(lines: Lines) -> Iterator[list[bytes]]:
    return (_without(lines, number) for number, _ in _bodies(lines, "history"))


def change_a_line_of_a_history(lines: Lines) -> Iterator[list[bytes]]:
    for number, body in _bodies(lines, "history"):
        yield _with(lines, number, body | {"entry": body["entry"] | {"who": "nobody"}})


def swap_two_lines_of_a_history(lines: Lines) -> Iterator[list[bytes]]:
    numbers = [number for number, _ in _bodies(lines, "history")]
    for number in numbers[1:]:
        yield [*lines[: number - 1], lines[number], lines[number - 1], *lines[number + 1 :]]


def drop_a_history(lines: Lines) -> Iterator[list[bytes]]:
    for first, last, _ in _histories(lines):
        yield [*lines[:first], *lines[last + 1 :]]


def write_the_books_anew(lines: Lines) -> Iterator[list[bytes]]:
    """Change what was captured, with hashes that are right again, as an insider could."""
    for first, last, entries in _histories(lines):
        text = json.dumps(entries)
        paths = [path for entry in entries for path in entry["change"] if _is_captured(path)]
        if paths:
            changed = json.loads(text)
            for entry in changed:
                for path in paths:
                    for value in entry["change"].get(path, ()):
                        if value is not None:
                            value["minor_units"] += 1
            anew = [{"kind": "history", "entry": entry} for entry in _rehashed(changed)]
            yield [
                *lines[:first],
                *(json.dumps(each).encode() for each in anew),
                *lines[last + 1 :],
            ]


def _is_captured(path: str) -> bool:
    return path.endswith(".captured_amount")


def _rehashed(entries: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    prev = "0" * 64
    for entry in entries:
        content = {name: each for name, each in entry.items() if name != "hash"}
        if "end" in content["change"]:
            content["change"]["end"][1]["root"] = None
        prev, line = hashed(content | {"prev": prev})
        yield json.loads(line)


def _histories(lines: Lines) -> Iterator[tuple[int, int, list[dict[str, Any]]]]:
    entries = list[dict[str, Any]]()
    for number, body in _bodies(lines, "history"):
        entries.append(body["entry"])
        if "end" in body["entry"]["change"]:
            yield number - len(entries) + 1, number, entries
            entries = []


def _order_events(lines: Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the order events of orders that have no dead letter: they are not judged by events."""
    letters = {body["body"].get("id") for _, body in _bodies(lines, "deadLetter") if "body" in body}
    for number, body in _bodies(lines, "orderEvent"):
        content = body.get("body", {})
        if content.get("id") not in letters and type(content.get("version")) is int:
            yield number, body


def drop_an_order_event(lines: Lines) -> Iterator[list[bytes]]:
    """Drop the newest event of an order, unless it came twice: older ones change nothing."""
    events = dict[str, list[tuple[int, int]]]()
    for number, body in _order_events(lines):
        version = body["body"]["version"]
        if body["subject"] != "order:shipped":
            events.setdefault(body["body"]["id"], []).append((version, number))
    for known in events.values():
        newest, number = max(known)
        if sum(version == newest for version, _ in known) == 1:
            yield _without(lines, number)


def change_the_price_of_an_order(lines: Lines) -> Iterator[list[bytes]]:
    newest = dict[str, int]()
    for _, body in _order_events(lines):
        if body["subject"] == "order:created":
            order = body["body"]["id"]
            newest[order] = max(newest.get(order, 0), body["body"]["version"])
    for order, version in newest.items():
        changed = [*lines]
        for number, body in _order_events(lines):
            content = body["body"]
            is_newest = body["subject"] == "order:created" and content["version"] == version
            if content["id"] == order and is_newest:
                ticket = content["ticket"] | {"price": "123", "currency": "chf"}
                changed = _with(changed, number, body | {"body": content | {"ticket": ticket}})
        yield changed


DAMAGES: Final[tuple[Damage, ...]] = (
    drop_a_charge,
    change_the_amount_of_a_charge,
    change_the_currency_of_a_charge,
    charge_twice,
    charge_for_another_order,
    drop_a_refund,
    change_the_amount_of_a_refund,
    refund_twice,
    drop_an_event,
    change_the_amount_of_an_event,
    publish_under_another_id,
    swap_two_events_of_an_order,
    drop_a_line_of_a_history,
    change_a_line_of_a_history,
    swap_two_lines_of_a_history,
    drop_a_history,
    write_the_books_anew,
    drop_an_order_event,
    change_the_price_of_an_order,
)
