"""Words for what has changed of an order, for a reader of its history."""

from typing import Final

from domain.order_changes import FORGOTTEN, OWNER, STATE_BEGINS, Changes

# Entities before the order: that it is complete follows from its payment.
_KINDS: Final = ("payment", "refund", "dispute", "order")


def words_of(changes: Changes) -> str:
    """Return what has changed in a few words: the states that were entered, or else the fields."""
    if STATE_BEGINS in changes:
        return "order " + str(changes.get("order.status", (None, "created"))[1])
    if changes.get(OWNER, (None, None))[1] == FORGOTTEN:
        return "user forgotten"
    states = [
        (path.partition(".")[0], after)
        for path, (_, after) in changes.items()
        if path.endswith(".status")
    ]
    entered = [f"{kind} {after}" for each in _KINDS for kind, after in states if kind == each]
    if entered:
        return ", ".join(dict.fromkeys(entered))
    return "changed: " + ", ".join(dict.fromkeys(_field(path) for path in changes))


def _field(path: str) -> str:
    """Return the kind of the path and its last name, without the id in between."""
    return f"{path.partition('.')[0]} {path.rpartition('.')[2]}"
