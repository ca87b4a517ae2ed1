"""The streams of the service: how each is created."""

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from adapters.messaging.wire import MAX_BYTES

REPLICAS: Final = 3
"""Copies in a cluster, so that one server may be lost. A single server stores one copy."""

NO_LIMIT: Final = -1  # https://docs.nats.io/nats-concepts/jetstream/streams#configuration

_OF_THE_HOST: Final = ("num_replicas", "placement")
"""Settings that an operator of NATS changes without making the stream another one."""


@frozen
class Plan:
    """The settings of a stream, used only if we create it."""

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    """How long messages are kept: longer than any consumer is offline."""
    max_size: int
    """The largest message in bytes, headers included."""
    duplicate_window: timedelta
    """How long the stream keeps message ids: longer than the time until any resend."""
    is_log: bool
    """Whether deleting and purging messages is forbidden."""
    publishes: bool = True
    """Whether we publish to it, and not only read it."""
    also: tuple[str, ...] = ()
    """Subjects of another plan that our stream of this name has, too."""

    def config(self, name: str, subjects: Collection[str], replicas: int) -> StreamConfig:
        """Return the settings of a stream for these subjects."""
        return StreamConfig(
            name=name,
            subjects=sorted(subjects),
            num_replicas=replicas,
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=self.max_age.total_seconds(),
            max_msg_size=self.max_size,
            duplicate_window=self.duplicate_window.total_seconds(),
            deny_delete=self.is_log,
            deny_purge=self.is_log,
        )

    def is_created_by_us(self, config: Mapping[str, Any], subjects: Collection[str]) -> bool:
        """Whether an existing stream has the settings that we give it, and only our subjects.

        A stream with other settings, or with a description or metadata, belongs to others.
        """
        ours: dict[str, Any] = self.config(config["name"], subjects, 1).as_dict()
        theirs = dict(config)
        for name in _OF_THE_HOST:
            ours.pop(name, None)
            theirs.pop(name, None)
        metadata = theirs.pop("metadata", None) or {}
        return (
            set(theirs.pop("subjects", ())) < set(ours.pop("subjects"))
            and all(name.startswith("_nats.") for name in metadata)
            and {name: each for name, each in ours.items() if _says_something(each)}
            == {name: each for name, each in theirs.items() if _says_something(each)}
        )


ORDER_SHIPPED: Final = "order:shipped"

ORDERS: Final = Plan(
    name="ORDERS",
    subjects=("order:created", "order:cancelled"),
    max_age=timedelta(days=14),
    # An event that is too large becomes a dead letter. If the stream rejected it, it would be
    # lost: few publishers check the reply.
    max_size=NO_LIMIT,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
    publishes=False,
)
PAYMENTS: Final = Plan(
    name="PAYMENTS",
    subjects=tuple(
        f"payment:{what}"
        for what in (
            *("authorized", "created", "disputed", "expiring", "failed", "pending"),
            *("refund_failed", "refunded", "voided"),
        )
    ),
    max_age=timedelta(days=14),
    max_size=MAX_BYTES,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
)
DEAD_LETTERS: Final = Plan(
    name="PAYMENTS_DEAD_LETTERS",
    subjects=("payments.dead-letters.>",),
    # Operators need time to handle them, also during holidays.
    max_age=timedelta(days=90),
    # A dead letter contains an event of any size.
    max_size=NO_LIMIT,
    # Storing a dead letter is repeated if its confirmation was lost, also after a long outage.
    duplicate_window=timedelta(days=1),
    # Operators may delete dead letters that are handled.
    is_log=False,
)
ORDERS_CONSUMER: Final = "payments"
"""The durable consumer of `order:created` and `order:cancelled`."""

SHIPMENTS_CONSUMER: Final = "payments-shipments"
"""The durable consumer of `order:shipped`. Workers of earlier releases share the other one, and
would acknowledge these events unread."""


@frozen
class Plans:
    """All plans; the event that captures has a subject of the shop's choice."""

    orders: Plan
    shipments: Plan
    """Apart from `orders`, which are read on if this event has no stream."""
    payments: Plan = PAYMENTS
    dead_letters: Plan = DEAD_LETTERS

    @classmethod
    def on(cls, capture_subject: str = ORDER_SHIPPED) -> "Plans":
        """Return the plans with this subject; the events of an order share a stream."""
        orders = evolve(ORDERS, also=(capture_subject,))
        return cls(orders, evolve(ORDERS, subjects=orders.also, also=ORDERS.subjects))

    def __iter__(self) -> Iterator[Plan]:
        """Return every plan."""
        return iter((self.orders, self.shipments, self.payments, self.dead_letters))


PLANS: Final = Plans.on()
"""The plans with the usual subjects."""


def _says_something(setting: object) -> bool:
    """Whether a setting is another than what it means to leave it out."""
    return setting not in (None, False, 0, NO_LIMIT, "", [], {}, "none", "file", "default")
