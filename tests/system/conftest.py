"""One deployment for each test process; every test finds it as it was at the start."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from tests.system.deployment import Deployment, deploy
from tests.system.shop_events import new_id
from tests.system.system import System, connect

_RUNNING = pytest.StashKey[list[Deployment]]()


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the list of running deployments."""
    config.stash[_RUNNING] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of every process's log to the report of a failed test."""
    report = yield
    if report.failed:
        for deployment in item.config.stash[_RUNNING]:
            report.sections += [
                (f"log of {name}", tail) for name, tail in deployment.log_tails().items()
            ]
    return report


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for complete logs; pytest removes it if every test passes."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def deployment(logs: Path, pytestconfig: pytest.Config) -> Iterator[Deployment]:
    """Two `serve` and two `worker` processes with Stripe's payment intents."""
    with deploy(keep_logs_in=logs) as deployment:
        pytestconfig.stash[_RUNNING].append(deployment)
        yield deployment
        pytestconfig.stash[_RUNNING].remove(deployment)


@pytest.fixture
async def system(deployment: Deployment) -> AsyncIterator[System]:
    """The shared deployment with clients of this test; it is restored afterwards."""
    async with connect(deployment) as system:
        yield system
        deployment.restore()
        await system.stripe.clear_faults()


@pytest.fixture
def user() -> str:
    """The id of a user that no other test has."""
    return new_id("user")
