"""Words that are stored or exported, and defaults that nobody sets, are not changed."""

import inspect
from datetime import timedelta
from enum import Enum

import pytest

from application.application import DeclineLimits, compose
from application.gateway_health import AWAY_FOR, GatewayHealth
from application.ports.alerts import MAX_CURRENT_FOR, AlertKind
from application.ports.backlog import BacklogKind
from application.ports.differences import DifferenceKind
from application.ports.gateway_notifications import RefusedBecause
from domain.capture import CaptureMode
from tests.world import World

HOURS = {
    AlertKind.BOOKS_BEHIND: 72,
    AlertKind.CAPTURE_FAILED: 72,
    AlertKind.CHARGED_TWICE: 72,
    AlertKind.EXPIRY_NOT_UNDERSTOOD: 72,
    AlertKind.EXTERNAL_REFUND_MISMATCH: 72,
    AlertKind.STREAM_RECREATED: 72,
    AlertKind.GATEWAY_MISSING: 13,
    AlertKind.LOOKUP_IMPOSSIBLE: 13,
    AlertKind.GATEWAY_REFUSAL: 12,
}


@pytest.mark.parametrize("kind", [AlertKind, BacklogKind, DifferenceKind, RefusedBecause])
def test_a_word_is_the_name_of_its_kind(kind: type[Enum]) -> None:
    assert [each.value for each in kind] == [each.name.lower() for each in kind]


def test_an_alert_is_shown_as_long_as_its_kind_says() -> None:
    assert {each: each.current_for / timedelta(hours=1) for each in AlertKind} == {
        each: HOURS.get(each, 1) for each in AlertKind
    }
    assert timedelta(days=3) == MAX_CURRENT_FOR


def test_the_limits_and_the_capture_mode_are_those_of_the_reference_service() -> None:
    assert DeclineLimits().window == timedelta(minutes=10)
    assert not DeclineLimits().max_declines
    default = inspect.signature(compose).parameters["capture_mode"].default
    assert default is CaptureMode.AUTOMATIC


def test_a_gateway_is_away_for_a_minute_after_its_failure() -> None:
    world = World()
    health = GatewayHealth(world.now)
    assert not health.is_away("bank")
    health.failed("bank")
    assert health.is_away("bank")
    assert not health.is_away("other")
    world.advance(seconds=59.9)
    assert health.is_away("bank")
    world.advance(seconds=0.1)
    assert not health.is_away("bank")
    assert timedelta(seconds=60) == AWAY_FOR
    health.failed("bank")
    world.advance(hours=-1)  # the database was replaced by one whose clock is behind
    assert not health.is_away("bank")
    health.failed("bank")
    health.answered("bank")
    health.answered("bank")
    assert not health.is_away("bank")
    assert GatewayHealth(world.now).is_away("bank") is False
