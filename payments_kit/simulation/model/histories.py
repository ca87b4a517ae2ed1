"""Promise 11: every change of an order is in its history, and the history is a chain."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import BookedOrder, History

_FIELDS: Final = {"seq", "at", "who", "why", "change", "prev", "hash"}


def every_change_is_recorded(history: History) -> Iterable[str]:
    """Check that each history is a chain, and that what it says together is what is in the books.

    A change whose entry is missing shows at its end, or as an entry with the whole state, which
    only the first one may have.
    """
    if history.histories is None:
        return
    for order in history.orders:
        lines = history.histories.get(order.id, ())
        if not lines:
            yield f"11: order {order.id} has no history"
            continue
        yield from _chain(order.id, lines)
        state, ours = _replayed(lines), _state_of(order)
        for path in sorted(state.keys() | ours.keys()):
            if path in ours and state.get(path) != ours[path]:
                recorded = f"the history says {state.get(path)}"
                yield f"11: {path} of order {order.id} is {ours[path]}, and {recorded}"


def _chain(order_id: str, lines: Iterable[str]) -> Iterable[str]:
    prev = "0" * 64
    for number, line in enumerate(lines, start=1):
        entry = json.loads(line)
        content = {name: value for name, value in entry.items() if name != "hash"}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if set(entry) != _FIELDS or not entry["who"] or not entry["why"]:
            yield f"11: entry {number} of order {order_id} does not say when, who and why"
        if (entry["seq"], entry["prev"], entry["hash"]) != (number, prev, digest):
            yield f"11: entry {number} of order {order_id} does not follow the one before it"
        if ("order.id" in entry["change"]) != (number == 1):
            yield f"11: what has changed order {order_id} before entry {number} was not recorded"
        prev = entry["hash"]


def _replayed(lines: Iterable[str]) -> Mapping[str, Any]:
    state: dict[str, Any] = {}
    for line in lines:
        for path, (_, after) in json.loads(line)["change"].items():
            state[path] = after
    return state


def _state_of(order: BookedOrder) -> Mapping[str, Any]:
    """Return what is in the books, under the paths of histories."""
    state: dict[str, Any] = {"order.status": order.status, "order.version": order.version}
    if order.price is not None:
        state["order.terms.price"] = _amount(order.price)
    for payment in order.payments:
        path = f"payment.{payment.id}"
        state[f"{path}.status"] = payment.status
        state[f"{path}.amount"] = _amount(payment.amount)
        state[f"{path}.charge_id"] = payment.charge_id
        state[f"{path}.captured_amount"] = payment.captured and _amount(payment.captured)
        state[f"{path}.code"] = payment.code
    for refund in order.refunds:
        state[f"refund.{refund.id}.status"] = refund.status
        state[f"refund.{refund.id}.amount"] = _amount(refund.amount)
    for dispute in order.disputes:
        state[f"dispute.{dispute.id}.status"] = dispute.status
    return state


def _amount(amount: Amount) -> Mapping[str, Any]:
    return {"currency": amount.currency, "minor_units": amount.minor_units}
