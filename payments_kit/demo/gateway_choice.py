"""Which gateway the demo pays at: the fake one, or the one that PAYMENT_GATEWAY names."""

import asyncio
from collections.abc import Mapping
from typing import Final

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import VARIABLES, read_settings
from payments_kit.servers.processes import LocalServerError

FAKE: Final = "fake"

# These are about the gateway; a gateway may have one currency only.
_PASSED_ON: Final = ("PAYMENT_GATEWAY", "STRIPE_", "CURRENCY")


def gateway_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the demo takes over from its own environment.

    With a gateway of the user's these are all but the service's own: it may read any of them.
    """
    if is_fake(environment):
        return {"PAYMENT_GATEWAY": FAKE}
    own = {name for name in VARIABLES if not name.startswith(_PASSED_ON)}
    own |= {f"{name}_FILE" for name in own}
    return {name: value for name, value in environment.items() if name not in own}


def is_fake(environment: Mapping[str, str]) -> bool:
    """Whether the demo pays at the fake gateway."""
    return (environment.get("PAYMENT_GATEWAY", "").strip() or FAKE) == FAKE


def check_gateway(environment: Mapping[str, str]) -> None:
    """Check the settings of the service, and that its gateway moves no real money.

    Raises:
        LocalServerError: a setting is wrong, or the gateway is in live mode.
    """
    from entrypoints.composition.demo import moves_real_money

    try:
        is_live = asyncio.run(moves_real_money(read_settings(environment)))
    except InvalidSetting as invalid:
        raise LocalServerError("\n".join(invalid.problems)) from None
    if is_live:
        raise LocalServerError("PAYMENT_GATEWAY: this gateway moves real money (livemode)")
