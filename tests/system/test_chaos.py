"""Chaos: a short run with every test run, a long one by `make chaos`."""

import random
from pathlib import Path

import pytest

from tests.system.chaos import Chaos
from tests.system.deployment import deploy
from tests.system.system import System, connect


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


@pytest.mark.chaos
async def test_every_promise_is_kept_while_a_cluster_loses_leaders_and_its_quorum(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    with deploy(nats_servers=3, keep_logs_in=logs) as deployment:
        async with connect(deployment) as system:
            # The proxy is in front of one of three servers: it may have no connection.
            chaos = Chaos(system, orders=600, seconds=60, seed=seed, max_missing=3)
            report = await chaos.run()
    with capsys.disabled():
        print(f"\n{report}")
