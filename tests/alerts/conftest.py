"""What serve and worker export, once for each test process."""

import asyncio

import pytest

from tests.alerts.exposed import Exposed, collect


@pytest.fixture(scope="session")
def exposed() -> Exposed:
    """Return every series with the values of its labels."""
    return asyncio.run(collect())
