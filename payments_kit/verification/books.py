"""Books: the orders that a history describes, after each of its entries."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define, field, frozen

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import (
    BookedDispute,
    BookedOrder,
    BookedPayment,
    BookedRefund,
)

STATE_BEGINS: Final = "order.id"
"""The path of a change that lists everything that the order has (docs/audit.md)."""

CUSTOMER: Final = "a customer"
"""The customer of every order: no history says who it is."""

_LAST_LINE: Final = ("export", "end of the file")


class Unreadable(Exception):
    """An entry is not as an export writes it."""

    def __init__(self, problem: str, number: int = 0) -> None:
        super().__init__(problem)
        self.number = number
        """Of its line in the file, if that is not known otherwise."""


@frozen
class Entry:
    """One entry of a history."""

    number: int
    """Of its line in the file."""
    seq: int
    at: datetime
    who: str
    why: str
    change: Mapping[str, tuple[Any, Any]]

    @property
    def is_end(self) -> bool:
        """Whether the export has written it."""
        return (self.who, self.why) == _LAST_LINE

    @property
    def begins(self) -> str | None:
        """The order whose whole state it lists, if it does."""
        return str(self.change[STATE_BEGINS][1]) if STATE_BEGINS in self.change else None

    @property
    def order_named_at_end(self) -> str:
        """The order that the last line names."""
        return str(self.change["end"][1]["order"])


def entry_of(number: int, raw: Mapping[str, Any]) -> Entry:
    """Read an entry.

    Raises:
        Unreadable: it is not as an export writes it.
    """
    try:
        at = datetime.fromisoformat(raw["at"])
        change = {str(path): (before, after) for path, (before, after) in raw["change"].items()}
        found = Entry(number, raw["seq"], at, raw["who"], raw["why"], change)
        if at.tzinfo is None or type(found.seq) is not int or not isinstance(found.who, str):
            raise Unreadable("its `at`, `seq` or `who` is not as an export writes it")
        if found.is_end:
            _ = found.order_named_at_end
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable("its `entry` is not as an export writes it") from None
    return found


def named_in(entry: Entry) -> Iterator[str]:
    """Yield the names that the order of an entry owns: of its payments, charges and refunds."""
    for path, (_, after) in entry.change.items():
        parts = _parts(path)
        if parts is None:
            continue
        kind, each, name = parts
        yield f"{kind}:{each}"
        if (kind, name) == ("payment", "charge_id") and isinstance(after, str):
            yield f"charge:{after}"


def _parts(path: str) -> tuple[str, str, str] | None:
    kind, _, rest = path.partition(".")
    each, _, name = rest.rpartition(".")
    return (kind, each, name) if kind in ("payment", "refund", "dispute") and each else None


@frozen
class Step:
    """What one entry has changed."""

    entry: Entry
    before: BookedOrder | None
    """None if the order was not in the books, or not as the entry before it says."""
    after: BookedOrder


@define
class Books:
    """One order, entry by entry."""

    order_id: str
    _order: dict[str, Any] = field(factory=dict)
    _parts: dict[str, dict[str, dict[str, Any]]] = field(factory=dict)
    _booked: dict[str, dict[str, Any]] = field(factory=dict)
    """What was built of the parts: only what has changed is built again."""

    def steps(self, entries: Sequence[Entry]) -> Iterator[Step]:
        """Yield the steps.

        Raises:
            Unreadable: an entry is not as an export writes it.
        """
        before: BookedOrder | None = None
        if entries and entries[0].begins is None:
            raise Unreadable("the first line of this history is missing", entries[0].number)
        for entry in entries:
            if entry.begins is not None:
                before = None
                self._order.clear()
                self._parts.clear()
                self._booked.clear()
            try:
                self._apply(entry)
                after = self._whole()
            except (KeyError, TypeError, ValueError, AttributeError):
                problem = "its `change` is not as an export writes it"
                raise Unreadable(problem, entry.number) from None
            yield Step(entry, before, after)
            before = after

    def _apply(self, entry: Entry) -> None:
        changed = set[tuple[str, str]]()
        for path, (_, after) in entry.change.items():
            parts = _parts(path)
            if parts is None:
                self._order[path] = after
                continue
            kind, each, name = parts
            self._parts.setdefault(kind, {}).setdefault(each, {})[name] = after
            changed.add((kind, each))
        for kind, each in changed:
            built = _BUILD[kind](each, self._parts[kind][each])
            self._booked.setdefault(kind, {})[each] = built

    def _whole(self) -> BookedOrder:
        price = self._order.get("order.terms.price")
        return BookedOrder(
            self.order_id,
            self._order["order.version"],
            self._order["order.status"],
            None if price is None else CUSTOMER,
            None if price is None else _amount(price),
            tuple(self._booked.get("payment", {}).values()),
            tuple(self._booked.get("refund", {}).values()),
            tuple(self._booked.get("dispute", {}).values()),
            self._shipped(),
            _moment_or_none(self._order.get("order.terms.expires_at")),
            self._order.get("order.terms.capture"),
        )

    def _shipped(self) -> tuple[int, int | None] | None:
        version = self._order.get("order.shipment.version")
        return None if version is None else (version, self._order.get("order.shipment.minor_units"))


def _payment(payment_id: str, row: Mapping[str, Any]) -> BookedPayment:
    return BookedPayment(
        id=payment_id,
        user_id=CUSTOMER,
        status=row["status"],
        amount=_amount(row["amount"]),
        charge_id=row.get("charge_id"),
        captured=_amount_or_none(row.get("captured_amount")),
        code=row.get("code"),
        claimed_at=_moment_or_none(row.get("created_at")),
        gateway=row.get("gateway"),
        is_manual=row.get("capture_mode") == "manual",
        authorized_until=_moment_or_none(row.get("authorized_until")),
        requested=_amount_or_none(row.get("requested_capture")),
        release_reason=row.get("release_reason"),
        next_capture=_amount_or_none(row.get("next_capture")),
    )


def _refund(refund_id: str, row: Mapping[str, Any]) -> BookedRefund:
    return BookedRefund(
        refund_id,
        row["payment_id"],
        row["charge_id"],
        _amount(row["amount"]),
        row["status"],
        row.get("reason"),
        row.get("reference"),
    )


def _dispute(dispute_id: str, row: Mapping[str, Any]) -> BookedDispute:
    return BookedDispute(
        dispute_id,
        row["payment_id"],
        row["status"],
        row.get("charge_id", ""),
        row.get("reason", ""),
    )


_BUILD: Final = {"payment": _payment, "refund": _refund, "dispute": _dispute}


def _amount(value: Mapping[str, Any]) -> Amount:
    if type(value["minor_units"]) is not int:
        raise TypeError("not whole minor units")
    return Amount(value["minor_units"], str(value["currency"]))


def _amount_or_none(value: Any) -> Amount | None:
    return None if value is None else _amount(value)


def _moment_or_none(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
