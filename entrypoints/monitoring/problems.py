"""Problems that need an operator: one line each, for the log and for `payments doctor`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from application.ports.alerts import Alert, AlertKind, Alerts
from application.ports.backlog import MAX_COUNTED, Backlog, BacklogItem, BacklogKind, BacklogReader
from domain.check_times import PENDING_LIMIT
from domain.payment_status import PaymentStatus
from entrypoints.monitoring.next_steps import NEXT_STEPS

MAX_AGES: Final[Mapping[BacklogKind, timedelta]] = {
    # A payment is settled at the latest 30 s after the gateway is reachable again, and so is a
    # capture or a release. If one is open for minutes, the gateway does not reply, or no worker
    # runs the role recover.
    BacklogKind.PAYMENT_OPEN: timedelta(minutes=5),
    # The money of a bank debit comes after days. One that takes longer than a debit can is for an
    # operator: it never fails by itself.
    BacklogKind.PAYMENT_PENDING: PENDING_LIMIT,
    # An event is published within a second. If one waits for a minute, NATS is down or no relay
    # runs.
    BacklogKind.EVENT_WAITING: timedelta(minutes=1),
    # A card's refund ends within seconds; that of a bank debit may take some days
    # (https://docs.stripe.com/refunds).
    BacklogKind.REFUND_PENDING: timedelta(days=3),
    # It is applied or deleted after 3 days (DEFERRED_FOR in
    # application/use_cases/apply_deferred_notifications.py).
    BacklogKind.NOTIFICATION_DEFERRED: timedelta(days=3, hours=1),
}
"""What is normal; older items are a problem. Items of the other kinds always are."""

MAX_NAMED: Final = 3
"""How many ids one line names: enough to begin with, and the line stays readable."""

_LABELS: Final[Mapping[BacklogKind, tuple[str, str]]] = {
    BacklogKind.PAYMENT_OPEN: ("payment without an outcome", "order"),
    BacklogKind.PAYMENT_PENDING: ("payment pending for too long", "order"),
    BacklogKind.PAYMENT_IN_REVIEW: ("payment in review", "order"),
    BacklogKind.REFUND_PENDING: ("refund pending for long", "payment"),
    BacklogKind.REFUND_FAILED: ("failed refund", "payment"),
    BacklogKind.EVENT_WAITING: ("event not published", "order"),
    BacklogKind.EVENT_PARKED: ("parked event", "order"),
    BacklogKind.NOTIFICATION_DEFERRED: ("deferred notification", "charge"),
    BacklogKind.NOTIFICATION_UNUSABLE: ("unusable notification", "gateway"),
    BacklogKind.DIFFERENCE: ("difference between the gateway's books and ours:", "payment"),
}


@frozen
class Problem:
    """Something that needs an operator."""

    name: str
    """Its heading in docs/runbook.md."""
    text: str
    """What, which, since when and how often; one line."""

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return f"{NEXT_STEPS[self.name]} (docs/runbook.md#{self.name})"

    @property
    def line(self) -> str:
        """The problem and what to do about it."""
        return f"{self.text}: {self.next_step}"


async def read_problems(reader: BacklogReader, alerts: Alerts) -> list[Problem]:
    """Return the problems of the backlog, and the current alerts of all processes.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    backlog, oldest = await reader.read(), await reader.find_oldest(MAX_NAMED)
    current = await alerts.list_current()
    return [*backlog_problems(backlog, oldest), *alert_problems(current)]


def backlog_problems(backlog: Backlog, oldest: Sequence[BacklogItem]) -> Iterator[Problem]:
    """Yield a problem for each kind that has one."""
    review = backlog.unfinished.get(PaymentStatus.REVIEW, 0)
    pending = backlog.unfinished.get(PaymentStatus.PENDING, 0)
    authorized = backlog.unfinished.get(PaymentStatus.AUTHORIZED, 0)
    counts = {
        BacklogKind.PAYMENT_OPEN: sum(backlog.unfinished.values()) - review - pending - authorized,
        BacklogKind.PAYMENT_PENDING: pending,
        BacklogKind.PAYMENT_IN_REVIEW: review,
        BacklogKind.REFUND_PENDING: backlog.refunds_pending,
        BacklogKind.REFUND_FAILED: backlog.refunds_failed,
        BacklogKind.EVENT_WAITING: backlog.events_waiting,
        BacklogKind.EVENT_PARKED: backlog.events_parked,
        BacklogKind.NOTIFICATION_DEFERRED: backlog.notifications_deferred,
        BacklogKind.NOTIFICATION_UNUSABLE: backlog.notifications_unusable,
        BacklogKind.DIFFERENCE: backlog.differences,
    }
    for kind, count in counts.items():
        max_age = MAX_AGES.get(kind)
        named = [
            each for each in oldest if each.kind is kind and (max_age is None or each.age > max_age)
        ]
        if named:
            yield Problem(kind.value, _list_items(kind, named, count))


def alert_problems(alerts: Sequence[Alert]) -> Iterator[Problem]:
    """Yield a problem for each kind of the alerts."""
    for kind in AlertKind:
        of_kind = [each for each in alerts if each.kind is kind]
        if of_kind:
            named = [
                f"{each.subject}: {each.text} (since {_time(each.first_at)}, {_times(each.count)})"
                for each in of_kind[:MAX_NAMED]
            ]
            text = "; ".join([*named, *_others(len(of_kind), len(named))])
            yield Problem(kind.value, f"{kind.value.replace('_', ' ')}: {text}")


def _list_items(kind: BacklogKind, named: Sequence[BacklogItem], count: int) -> str:
    label, parent = _LABELS[kind]
    items = [
        f"{each.id} of {parent} {each.belongs_to} ({each.detail}) since {_time(each.since)}"
        for each in named
    ]
    if kind in MAX_AGES:  # the others need not be too old
        rest = [f"{_number(count)} are not finished in all"] if count > len(named) else []
    else:
        rest = _others(count, len(named))
    return f"{label} {'; '.join([*items, *rest])}"


def _others(count: int, named: int) -> list[str]:
    if count <= named:
        return []
    return [f"and {_number(count if count > MAX_COUNTED else count - named)} more"]


def _number(count: int) -> str:
    return f"{count:,}" if count <= MAX_COUNTED else f"more than {MAX_COUNTED:,}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
