"""Which gateways there are, and which of them a currency may use."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, Literal, get_args

from attrs import field, frozen

from application.ports.gateways import ANY_CURRENCY
from domain.money import Currency, UnknownCurrency
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings.variable import declare

GatewayName = Literal["stripe-payment-intents", "stripe-charges", "paypal", "fake"]

DEFAULT: Final[GatewayName] = "stripe-payment-intents"

# Two APIs of one gateway: a payment would not tell which of them has it.
_SAME: Final = {"stripe-payment-intents": "stripe", "stripe-charges": "stripe"}

# What an error may repeat: a name that is only misspelt, and no address or secret with other signs.
_SHOWN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@frozen
class GatewayRoute:
    """The gateways that one currency may use, by their names in the settings."""

    currency: str
    """The code of a currency, or ANY_CURRENCY."""
    gateways: tuple[str, ...]
    """The best first."""


def parse_gateways(value: str) -> tuple[GatewayName | str, ...]:
    """Accept gateways of ours and references to plug-ins, separated by commas."""
    names = tuple(each.strip() for each in value.split(","))
    for number, name in enumerate(names, start=1):
        if not (_is_ours(name) or GatewayPlugin.is_reference(name)):
            which = f"gateway {number} is {'empty' if not name else 'unknown'}: each "
            known = ", ".join(get_args(GatewayName))
            text = f"must be one of {known}, or package.module:function"
            raise ValueError(f"{which if len(names) > 1 else ''}{text}")
        if _gateway_of(name) in map(_gateway_of, names[: number - 1]):
            raise ValueError(f"has the same gateway twice: {_shown(name)} is gateway {number}")
    return names


def _parse_routes(value: str) -> tuple[GatewayRoute, ...]:
    """Accept `eur:paypal,stripe-payment-intents;*:stripe-payment-intents`."""
    found: list[GatewayRoute] = []
    for number, text in enumerate(value.split(";"), start=1):
        currency, colon, names = (part.strip() for part in text.partition(":"))
        if not (currency and colon and names):
            raise ValueError(f"route {number} is not currency:gateway,gateway")
        route = GatewayRoute(_currency(currency, number), _names(names, number))
        if any(each.currency == route.currency for each in found):
            raise ValueError(f"has two routes for {route.currency}")
        found.append(route)
    return tuple(found)


@frozen(kw_only=True, slots=False)
class GatewaySettings:
    """Which gateways there are, and which of them a currency may use."""

    payment_gateways: tuple[GatewayName | GatewayPlugin, ...] = field(
        default=(DEFAULT,),
        metadata=declare(
            "PAYMENT_GATEWAY",
            parse_gateways,
            "`stripe-payment-intents`, `stripe-charges`, `paypal`, `fake`,"
            " or `package.module:function` of [your own](docs/gateways.md); several with commas,"
            " the first is the default",
            default=f"`{DEFAULT}`",
        ),
    )
    gateway_routes: tuple[GatewayRoute, ...] = field(
        default=(),
        metadata=declare(
            "GATEWAY_ROUTES",
            _parse_routes,
            "the gateways that a currency may use, the best first, such as"
            " `eur:paypal,stripe-payment-intents;*:stripe-payment-intents`",
            default="all, in the order above",
        ),
    )


def unknown_gateways(routes: tuple[GatewayRoute, ...], known: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the routes, given the names in PAYMENT_GATEWAY."""
    for name in dict.fromkeys(chain.from_iterable(each.gateways for each in routes)):
        if name not in known:
            yield f"{_shown(name)} is not in PAYMENT_GATEWAY, which has {', '.join(known)}"


def _is_ours(name: str) -> bool:
    return name in get_args(GatewayName)


def _gateway_of(name: str) -> str:
    return _SAME.get(name, name)


def _currency(text: str, number: int) -> str:
    if text == ANY_CURRENCY:
        return text
    try:
        return Currency.of(text).code
    except UnknownCurrency:
        problem = f"route {number} is not for an ISO 4217 currency, such as eur, or for *"
        raise ValueError(problem) from None


def _names(text: str, number: int) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    for name in names:
        if not name:
            raise ValueError(f"route {number} has an empty gateway")
        if names.count(name) > 1:
            raise ValueError(f"route {number} has the gateway {_shown(name)} twice")
    return names


def _shown(name: str) -> str:
    return name if _SHOWN.fullmatch(name) else "a name with other signs than those of a gateway"
