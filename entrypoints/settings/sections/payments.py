"""How orders are paid, and how many declined cards are too many."""

from attrs import field, frozen

from domain.capture import CaptureMode
from domain.money import Currency, UnknownCurrency
from entrypoints.settings import parsers
from entrypoints.settings.parsers import whole_number
from entrypoints.settings.variable import declare
from entrypoints.web_origins import is_origin


def _parse_capture_mode(value: str) -> CaptureMode:
    """Accept when money is captured."""
    try:
        return CaptureMode(value)
    except ValueError:
        known = ", ".join(each.value for each in CaptureMode)
        raise ValueError(f"must be one of {known}") from None


def _parse_origins(value: str) -> tuple[str, ...]:
    """Accept origins of web pages."""
    found = parsers.items(value)
    for number, item in enumerate(found, start=1):
        if not is_origin(item):
            raise ValueError(
                f"origin {number} is not like https://shop.example or https://shop.example:8443:"
                " small letters, no path, no default port; http is for localhost only"
            )
    return found


def _parse_currency(value: str) -> Currency:
    """Accept the code of a currency."""
    try:
        return Currency.of(value)
    except UnknownCurrency:
        raise ValueError("must be an ISO 4217 currency code, such as usd") from None


@frozen(kw_only=True, slots=False)
class PaymentSettings:
    """How orders are paid, and how many declined cards are too many."""

    capture: CaptureMode = field(
        default=CaptureMode.AUTOMATIC,
        metadata=declare(
            "CAPTURE",
            _parse_capture_mode,
            "`automatic`, or `manual`: authorize now and capture later; an order's own `capture`"
            " has precedence",
            default="`automatic`",
        ),
    )
    return_origins: tuple[str, ...] = field(
        default=(),
        metadata=declare(
            "RETURN_ORIGINS",
            _parse_origins,
            "origins that `returnUrl` may lead to, such as `https://shop.example`, separated by"
            " commas",
            default="no methods that redirect",
        ),
    )
    currency: Currency = field(
        default=Currency("usd"),
        metadata=declare(
            "CURRENCY",
            _parse_currency,
            "ISO 4217 code of prices without a currency",
            default="`usd`",
        ),
    )
    # More than a customer who mistypes a few cards needs, less than the hundreds that an attacker
    # with stolen cards tries.
    declines_per_user: int = field(
        default=20,
        metadata=declare(
            "DECLINES_PER_USER",
            whole_number(0, 1_000_000),
            "how many declined cards of a user lead to 429; 0: no limit",
        ),
    )
    # Ten times the limit of a user: an office or a mobile network shares one address.
    declines_per_address: int = field(
        default=200,
        metadata=declare(
            "DECLINES_PER_ADDRESS",
            whole_number(0, 1_000_000),
            "how many of a network address do; 0: no limit",
        ),
    )
    # The longest time that a customer over a limit has to wait.
    decline_window_seconds: int = field(
        default=600,
        metadata=declare(
            "DECLINE_WINDOW_SECONDS", whole_number(1, 86_400), "how long a declined card counts"
        ),
    )
