"""Chaos: a short run with every test run, a long one by `make chaos`."""

import random

import pytest

from tests.system.chaos import Chaos
from tests.system.system import System


async def test_every_promise_is_kept_after_ten_seconds_of_chaos(system: System) -> None:
    await system.shorten_redelivery()
    # This seed causes no 500 for a refund, which would be sent again only after a minute.
    print(await Chaos(system, orders=100, seconds=10, seed=6, max_missing=2).run())


@pytest.mark.chaos
async def test_every_promise_is_kept_after_a_minute_of_chaos(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    report = await Chaos(system, orders=1000, seconds=60, seed=seed).run()
    with capsys.disabled():
        print(f"\n{report}")
