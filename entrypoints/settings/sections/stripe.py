"""What Stripe has given to the shop."""

from typing import Final

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import declare

# https://docs.stripe.com/keys: what begins otherwise than a secret or a restricted key.
_OTHER_STRIPE_SECRETS: Final = {
    "pk_": "a publishable key, which is for browsers",
    "whsec_": "the secret of a webhook, which belongs in STRIPE_WEBHOOK_SECRET",
}


def _parse_stripe_key(value: str) -> str:
    """Accept a secret or restricted key of Stripe, and not what is mistaken for one."""
    for prefix, what in _OTHER_STRIPE_SECRETS.items():
        if value.startswith(prefix):
            raise ValueError(f"is {what}: the secret key (sk_… or rk_…) belongs here")
    return parsers.key(value)


def _parse_stripe_publishable_key(value: str) -> str:
    """Accept a publishable key of Stripe, and no key that must stay secret."""
    if not value.startswith("pk_"):
        raise ValueError("must begin with pk_: browsers see this key")
    return parsers.key(value)


def _parse_webhook_secrets(value: str) -> tuple[str, ...]:
    """Accept signing secrets of Stripe's webhooks."""
    secrets = parsers.items(value)
    for each in secrets:
        if not each.startswith("whsec_") or each == "whsec_":
            raise ValueError("must begin with whsec_")
        parsers.key(each)
    return secrets


@frozen(kw_only=True, slots=False)
class StripeSettings:
    """What Stripe has given to the shop."""

    stripe_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "STRIPE_KEY",
            _parse_stripe_key,
            "secret key `sk_…`, or a restricted one `rk_…`",
            default="required for `stripe-*`",
            is_secret=True,
        ),
    )
    stripe_publishable_key: str | None = field(
        default=None,
        metadata=declare(
            "STRIPE_PUBLISHABLE_KEY",
            _parse_stripe_publishable_key,
            "key for browsers `pk_…`; `GET /api/payments/options` gives it out",
        ),
    )
    stripe_api_base: str | None = field(
        default=None,
        metadata=declare(
            "STRIPE_API_BASE",
            parsers.web_url,
            "another base address of the Stripe API",
            default="Stripe's",
        ),
    )
    stripe_webhook_secrets: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata=declare(
            "STRIPE_WEBHOOK_SECRET",
            _parse_webhook_secrets,
            "`whsec_…`; two, separated by a comma, while one is rotated",
            default="webhooks are refused without it",
            is_secret=True,
        ),
    )
