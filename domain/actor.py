"""Actor: who changes an order, and why, as its history says it."""

from typing import Final

from attrs import field, frozen

# A name of an operator or of a user of the operating system; more would only fill the history.
MAX_WHO: Final = 100

MAX_REASON: Final = 1_000
"""Characters of a reason that are recorded; what the HTTP API accepts is shorter."""

CUSTOMER: Final = "customer"
ORDERS: Final = "orders"
RECOVERY: Final = "recovery"
RECONCILIATION: Final = "reconciliation"
SERVICE: Final = "service"
EXPORT: Final = "export"
"""Who has written the last line of an exported file."""

_OURS: Final = frozenset({CUSTOMER, ORDERS, RECOVERY, RECONCILIATION, SERVICE, EXPORT})


def _who(name: str) -> str:
    return _one_line(name, MAX_WHO)


def _reason(text: str | None) -> str | None:
    return None if text is None else _one_line(text, MAX_REASON)


def _one_line(text: str, most: int) -> str:
    short = text[:most]
    return short if short.isprintable() else short.encode("unicode_escape").decode()


@frozen
class Actor:
    """Who changes an order: a person, another system, or a part of this service."""

    who: str = field(converter=_who)
    reason: str | None = field(default=None, converter=_reason)
    """The reason that was given, if any."""

    @classmethod
    def customer(cls) -> "Actor":
        """Return the actor of a customer's request; whose it is, the order says."""
        return cls(CUSTOMER)

    @classmethod
    def gateway(cls, name: str) -> "Actor":
        """Return the actor of a gateway's notification."""
        return cls(f"gateway:{name}")

    @classmethod
    def operator(cls, name: str, reason: str | None = None) -> "Actor":
        """Return the actor of an operator's request: their name, unless it means another actor."""
        is_ambiguous = name in _OURS or ":" in name
        return cls(f"operator:{name}" if is_ambiguous else name, reason)

    @classmethod
    def command(cls, system_user: str, reason: str | None = None) -> "Actor":
        """Return the actor of a command that a user of the operating system runs."""
        return cls(f"cli:{system_user}", reason)


THE_SERVICE: Final = Actor(SERVICE)
"""The actor if nothing says who it is."""
