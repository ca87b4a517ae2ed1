"""Which order and payment the current work is about, for every line that it logs.

Ids are noted where they become known: the order of a request before its payment exists, the order
of a webhook only when it is read. A line has the ids that are known by then. A request or a unit of
background work begins a context of its own; its tasks share it.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Final

from attrs import define, field

from domain.order import Order
from domain.payment import Payment

MAX_ID: Final = 100
"""Characters of an id that are logged: ours have at most 36; those of others may be longer."""

_CURRENT: Final[ContextVar[dict[str, str] | None]] = ContextVar("log_context", default=None)


def log_context(**ids: str) -> AbstractContextManager[None]:
    """Begin a context with these ids, and those of the context around it."""
    return _LogContext(ids)


@define
class _LogContext(AbstractContextManager[None]):
    """A class, because a generator takes several times as long, and every request has one."""

    _ids: dict[str, str]
    _token: "Token[dict[str, str] | None] | None" = field(default=None, init=False)

    def __enter__(self) -> None:
        new = {name: _shown(value) for name, value in self._ids.items()}
        self._token = _CURRENT.set({**current_ids(), **new})

    def __exit__(self, *_: object) -> None:
        if self._token is None:
            return
        try:  # noqa: SIM105 - cheaper than `suppress`
            _CURRENT.reset(self._token)
        except ValueError:
            # The garbage collector ends a task that nobody waits for any more in another context.
            pass


def note(**ids: str) -> None:
    """Add ids to the current context; outside of any, nothing happens."""
    current = _CURRENT.get()
    if current is None:
        return
    for name, value in ids.items():
        # A payment is noted at each of its steps; nearly always, nothing is new.
        if current.get(name) != value:
            current[name] = _shown(value)


def note_payment(payment: Payment) -> None:
    """Note a payment and its order."""
    note(order_id=payment.order_id, payment_id=payment.id)


def note_order(order: Order) -> None:
    """Note an order, and its payment if it has only one."""
    note(order_id=order.replica.id)
    if len(order.payments) == 1:
        note(payment_id=order.payments[0].id)


def current_ids() -> Mapping[str, str]:
    """Return the ids noted so far."""
    return _CURRENT.get() or {}


def _shown(value: str) -> str:
    """Return an id that fits into a log: bounded, in one line."""
    short = value[:MAX_ID]
    return short if short.isprintable() else short.encode("unicode_escape").decode()
