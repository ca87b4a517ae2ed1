"""One installation a test process for these tests to share; whatever they did to it is undone."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from tests.system.site import Runtime, Site, around

_SITES = pytest.StashKey[list[Site]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep track of what is running, for when a test fails."""
    config.stash[_SITES] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every process's log with a test that fails."""
    report = yield
    if report.failed:
        for site in item.config.stash[_SITES]:
            report.sections += [(f"log of {name}", tail) for name, tail in site.tails().items()]
    return report


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole logs are kept; pytest takes them away when everything has passed."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def shared_site(logs: Path, pytestconfig: pytest.Config) -> Iterator[Site]:
    """Two `serve` and two `worker` on payment intents."""
    with Site(keep_logs=logs) as site:
        pytestconfig.stash[_SITES].append(site)
        yield site
        pytestconfig.stash[_SITES].remove(site)


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The shared installation, whole again after every test."""
    yield shared_site
    shared_site.restore()


@pytest.fixture
async def runtime(site: Site) -> AsyncIterator[Runtime]:
    """The shared installation with those around it."""
    async with around(site) as runtime:
        yield runtime
        site.stripe.resume()
        await runtime.gateway.heal()
