"""One deployment for each test process; every test finds it as it was at the start."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.system.deployment import Deployment, deploy
from tests.system.system import System, connect


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for complete logs; pytest removes it if every test passes."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def deployment(logs: Path) -> Iterator[Deployment]:
    """Two `serve` and two `worker` processes with Stripe's payment intents."""
    with deploy(keep_logs_in=logs) as deployment:
        yield deployment


@pytest.fixture
async def system(deployment: Deployment) -> AsyncIterator[System]:
    """The shared deployment with clients of this test; it is restored afterwards."""
    async with connect(deployment) as system:
        yield system
        for name, tail in deployment.log_tails().items():  # pytest shows them if the test failed
            print(f"log of {name}:", tail, sep="\n")
        deployment.restore()
        await system.stripe.clear_faults()
