"""The specification of promise 11 accepts what the service writes, and misses nothing of it."""

from domain.audit_file import line_of
from payments_kit.simulation.model.histories import every_change_is_recorded
from payments_kit.simulation.model.records import History
from payments_kit.simulation.plain import booked_order
from tests.builders import NOW, ORDER, PAYMENT, an_order, cancelled_event, charged, claimed
from tests.domain.test_history import history

PAID = claimed().settle(PAYMENT, charged(), NOW)
CANCELLED = PAID.apply(cancelled_event(), NOW)
LINES = [line_of(entry) for entry in history(an_order(), claimed(), PAID, CANCELLED)]


def broken(lines: list[str]) -> list[str]:
    """Return what is wrong with the history of the cancelled order."""
    kept = History(orders=[booked_order(CANCELLED)], histories={ORDER: lines})
    return [*every_change_is_recorded(kept)]


def test_the_history_that_the_service_writes_is_accepted() -> None:
    assert broken(LINES) == []


def test_each_entry_is_needed() -> None:
    for number in range(len(LINES)):
        assert broken([*LINES[:number], *LINES[number + 1 :]])
