"""What PayPal has given to the shop."""

import re
from typing import Final

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import declare

# https://developer.paypal.com/docs/api/webhooks/v1/#webhooks_get
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9-]{1,50}", re.ASCII)


def _parse_webhook_id(value: str) -> str:
    """Accept PayPal's id of a webhook, and not its address."""
    if not _WEBHOOK_ID.fullmatch(value):
        raise ValueError("is not the id of a webhook at PayPal: letters and digits")
    return value


@frozen(kw_only=True, slots=False)
class PayPalSettings:
    """What PayPal has given to the shop."""

    paypal_client_id: str | None = field(
        default=None,
        metadata=declare(
            "PAYPAL_CLIENT_ID",
            parsers.key,
            "client id of a PayPal application; `GET /api/payments/options` gives it out",
            default="required for `paypal`",
        ),
    )
    paypal_client_secret: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "PAYPAL_CLIENT_SECRET",
            parsers.key,
            "its secret",
            default="required for `paypal`",
            is_secret=True,
        ),
    )
    paypal_webhook_id: str | None = field(
        default=None,
        metadata=declare(
            "PAYPAL_WEBHOOK_ID",
            _parse_webhook_id,
            "PayPal's id of the webhook that leads to `/api/payments/webhooks/paypal`",
            default="webhooks are refused without it",
        ),
    )
    paypal_api_base: str | None = field(
        default=None,
        metadata=declare(
            "PAYPAL_API_BASE",
            parsers.web_url,
            "another base address of PayPal's API, such as `https://api-m.sandbox.paypal.com` of"
            " the sandbox",
            default="PayPal's, for real money",
        ),
    )
