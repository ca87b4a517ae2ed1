"""Failures are counted for one event, whatever has the same number."""

from datetime import timedelta

import pytest
from attrs import evolve, frozen

from application.ports.stream_positions import EventPosition
from entrypoints.worker import failures as failures_module
from entrypoints.worker.failures import Failures
from tests.builders import NOW

POSITION = EventPosition("ORDERS", "payments", 5, NOW)


@frozen
class Event:
    """An event at a position."""

    position: EventPosition = POSITION


def add(failures: Failures, event: Event, times: int = 1) -> list[int]:
    return [failures.add(event) for _ in range(times)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        evolve(POSITION, sequence=6),
        evolve(POSITION, consumer="payments-complete"),
        evolve(POSITION, stream="SHOP"),
        pytest.param(
            evolve(POSITION, stored_at=NOW + timedelta(days=1)), id="the stream was created again"
        ),
    ],
)
def test_the_failures_of_an_event_are_its_own(other: EventPosition) -> None:
    failures = Failures()
    assert add(failures, Event(), 3) == [1, 2, 3]
    assert add(failures, Event(other)) == [1]
    assert add(failures, Event()) == [4]


def test_those_that_have_not_failed_for_longest_are_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures_module, "MAX_EVENTS", 2)
    first, second, third = (Event(evolve(POSITION, sequence=number)) for number in range(3))
    failures = Failures()
    for event in (first, second, first, third):
        add(failures, event)
    assert [add(failures, event) for event in (first, second)] == [[3], [1]]
