"""A plug-in of pytest that plants a bug for the whole run, to see which tests find it.

PLANTED_BUG="any user may pay" pytest -p tests.simulation.planting tests/use_cases
"""

import os
from collections.abc import Iterator

import pytest

from tests.simulation.planted_bugs import bug_named

PLANTED_BUG = "PLANTED_BUG"
"""The variable with the name of the bug."""


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    """Run all tests with the bug."""
    with bug_named(os.environ[PLANTED_BUG]).planted():
        return (yield)
