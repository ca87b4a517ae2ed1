"""Run the suite in this process: a promise by its name, or all that a harness can be asked for."""

from collections.abc import Callable

from payments_kit.contract_run import Promise, missing_hooks, tests_of
from payments_kit.orders.checked import CheckedOrders
from payments_kit.orders.harness import Harness
from payments_kit.orders.parts import PARTS

TESTS = {
    Promise(name, test).text: (part, test)
    for name, part in PARTS.items()
    for test in tests_of(part.contract)
}


async def is_kept(promise: str, make: Callable[[], Harness]) -> bool:
    """Return whether a service keeps a promise."""
    part, test = TESTS[promise]
    try:
        await getattr(part.contract(), test)(CheckedOrders(make()))
    except AssertionError:
        return False
    return True


async def broken_promises(make: Callable[[], Harness]) -> set[str]:
    """Return the promises that a service breaks, of those that its harness can be asked for."""
    asked = [each for each, (part, _) in TESTS.items() if not missing_hooks(make(), part.harness)]
    return {each for each in asked if not await is_kept(each, make)}
