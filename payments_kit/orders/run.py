"""A run of the suite of orders services: what its harness has."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from payments_kit.contract_run import (
    OPEN_SECONDS,
    ContractRun,
    Make,
    described,
    find,
    missing_hooks,
    opened,
    require,
    tests_of,
)
from payments_kit.orders.parts import PARTS, REQUIRED

OPTION: Final = "--orders"

_SUITE: Final = Path(__file__).with_name("suite.py")


def start(config: pytest.Config, reference: str) -> None:
    """Find the harness, and let pytest collect the suite.

    Raises:
        pytest.UsageError: there is no such harness, or it lacks a required hook.
    """
    make = find(OPTION, reference, config)
    missing = asyncio.run(_missing(reference, make))
    tests = {name: tests_of(part.contract) for name, part in PARTS.items()}
    ContractRun(reference, make, _SUITE, tests, missing).start(config)


async def _missing(reference: str, make: Make) -> Mapping[str, list[str]]:
    """Open a harness, and return the hooks that it lacks for each part."""
    try:
        async with asyncio.timeout(OPEN_SECONDS), opened(make) as harness:
            missing = {name: missing_hooks(harness, part.harness) for name, part in PARTS.items()}
    except Exception as error:
        raise pytest.UsageError(f"{OPTION} {reference}: {described(error)}") from error
    require(OPTION, reference, missing[REQUIRED], PARTS[REQUIRED].harness)
    return missing
