"""A run of the suite of gateways: what its harness has, and that it moves no real money."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from payments_kit.conformance.harness import Harness
from payments_kit.conformance.parts import PARTS
from payments_kit.contract_run import (
    OPEN_SECONDS,
    ContractRun,
    Make,
    described,
    find,
    missing_hooks,
    opened,
    require,
)

OPTION: Final = "--gateway"

_SUITE: Final = Path(__file__).with_name("suite.py")
_REQUIRED: Final = "TestGateway"


def start(config: pytest.Config, reference: str) -> None:
    """Find the harness, and let pytest collect the suite.

    Raises:
        pytest.UsageError: there is no such harness, it lacks a required hook, or its gateway moves
            real money.
    """
    make = find(OPTION, reference, config)
    missing = asyncio.run(_missing(reference, make))
    tests = {name: part.tests for name, part in PARTS.items()}
    ContractRun(reference, make, _SUITE, tests, missing).start(config)


async def _missing(reference: str, make: Make) -> Mapping[str, list[str]]:
    """Open a harness, and return the hooks that it lacks for each part."""
    try:
        async with asyncio.timeout(OPEN_SECONDS), opened(make) as harness:
            gateway = getattr(harness, "gateway", None)
            missing = {
                name: missing_hooks(harness, part.harness) + part.lacks(gateway)
                for name, part in PARTS.items()
                if part.is_about(gateway)
            }
            is_live = not missing[_REQUIRED] and harness.gateway.livemode
    except Exception as error:
        raise pytest.UsageError(f"{OPTION} {reference}: {described(error)}") from error
    require(OPTION, reference, missing[_REQUIRED], Harness)
    if is_live:
        raise pytest.UsageError(f"{OPTION} {reference}: this gateway moves real money (livemode)")
    return missing
