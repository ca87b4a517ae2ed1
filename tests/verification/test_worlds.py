"""What a simulated world exports is kept, and each damage of it is found."""

import random
from collections import Counter
from typing import Final

import pytest

from payments_kit.verification.findings import NotJudged
from payments_kit.verification.reading import BadFile
from tests.depth import times
from tests.verification.damages import DAMAGES
from tests.verification.files import broken_in, ended, judged
from tests.verification.worlds import exported, has_lost_transactions, run_world

SEEDS: Final = range(1, times(12) + 1)
DAMAGED: Final = range(1, times(12) + 1)

PLACES: Final = 2
"""How many places of each damage are tried in a world."""


def test_what_a_world_exports_is_kept() -> None:
    judged_orders = 0
    for seed in SEEDS:
        world = run_world(seed)
        if world.banks.forgotten:
            continue  # the gateway lacks a refund that it has made, as a file says then
        lost = has_lost_transactions(world)
        summary = judged(exported(world), has_lost_transactions=lost)
        assert broken_in(summary) == [], f"seed {seed}"
        assert not summary.skipped, f"seed {seed}"
        judged_orders += summary.judged
    assert judged_orders > len(SEEDS)


def test_each_damage_is_found_or_the_file_cannot_be_judged() -> None:
    tried: Counter[str] = Counter()
    for seed in DAMAGED:
        world = run_world(seed)
        if has_lost_transactions(world) or world.banks.forgotten:
            continue  # what a loss leaves is allowed, so that some damages look like it
        lines = exported(world)
        draw = random.Random(seed)
        for damage in DAMAGES:
            damaged = [*damage(lines)]
            for each in draw.sample(damaged, min(PLACES, len(damaged))):
                tried[damage.__name__] += 1
                assert is_found(ended(each)), f"seed {seed}: {damage.__name__}"
    missing = [each.__name__ for each in DAMAGES if not tried[each.__name__]]
    assert missing == []


def is_found(lines: list[bytes]) -> bool:
    try:
        return not judged(lines).is_kept
    except BadFile:
        return True


def test_a_period_that_begins_within_a_world_judges_no_order_that_began_before() -> None:
    lines = exported(run_world(1))
    header = lines[0].replace(b"2025-12-29T00:00:00Z", b"2026-01-01T12:00:00Z")
    summary = judged([header, *lines[1:]])
    assert header != lines[0]
    assert (broken_in(summary), summary.judged) == ([], 0)
    assert set(summary.skipped) == {NotJudged.BEGAN_BEFORE}


@pytest.mark.parametrize("days", [0.0003, 0.01])
def test_a_period_that_ends_within_a_world_is_no_false_alarm(days: float) -> None:
    for seed in (2, 3, 7):
        summary = judged(exported(run_world(seed), days))
        assert broken_in(summary) == [], f"seed {seed}"


def test_an_order_of_the_other_mode_than_the_gateway_was_asked_about_is_not_judged() -> None:
    lines = exported(run_world(1))
    other = lines[0].replace(b'"livemode":false', b'"livemode":true')
    summary = judged([other, *lines[1:]])
    assert other != lines[0]
    assert broken_in(summary) == []
    assert summary.skipped[NotJudged.OTHER_MODE] > 0


def test_an_order_at_a_gateway_whose_list_lags_is_judged_later() -> None:
    lines = exported(run_world(1))
    lagging = lines[0].replace(b'"delaySeconds":0.0', b'"delaySeconds":9000000.0')
    summary = judged([lagging, *lines[1:]])
    assert lagging != lines[0]
    assert summary.skipped[NotJudged.CHANGED_AFTER] > 0
