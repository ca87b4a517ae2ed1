"""Chaos: a short run with every test run, a long one by `make chaos`."""

import random

import pytest

from tests.system.chaos import Chaos
from tests.system.site import Runtime


async def test_promises_hold_after_ten_seconds_of_chaos(runtime: Runtime) -> None:
    report = await Chaos(runtime, orders=100, seconds=10, seed=1).run()
    print(report)


@pytest.mark.chaos
async def test_promises_hold_after_a_minute_of_chaos(
    runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    report = await Chaos(runtime, orders=1000, seconds=60, seed=seed).run()
    with capsys.disabled():
        print(f"\n{report}")
