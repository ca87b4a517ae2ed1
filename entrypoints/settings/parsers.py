"""Parse the value of a variable; a ValueError is the problem in one line, without the value."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from attrs import field, frozen

from domain.capture import CaptureMode
from domain.money import Currency, UnknownCurrency
from entrypoints.web_origins import is_origin

Prepared = Literal["auto", "on", "off"]

# As an operator is written into logs and histories.
_OPERATOR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

# Without the subjects of NATS itself, which begin with $ and _INBOX
# (https://docs.nats.io/nats-concepts/subjects#characters-allowed-and-recommended-for-subject-names).
_SUBJECT: Final = re.compile(r"(?!\$|_INBOX)[!-)+-\-/-=?-~]+(\.[!-)+-\-/-=?-~]+)*")
_SUBJECTS_OF_ORDERS: Final = ("order:created", "order:cancelled")

MAX_SUBJECT: Final = 128
"""Longer than any subject in use; dead letters repeat it in a subject of their own."""

_SUBJECT_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*")

_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

MAX_PREFIX: Final = 64
"""Characters of a prefix. NATS advises names of streams and consumers below 32 characters, and
accepts 255 (https://docs.nats.io/nats-concepts/jetstream/streams)."""

# https://developer.paypal.com/docs/api/webhooks/v1/#webhooks_get
_WEBHOOK_ID: Final = re.compile(r"[A-Za-z0-9-]{1,50}", re.ASCII)

# https://docs.stripe.com/keys: what begins otherwise than a secret or a restricted key.
_OTHER_STRIPE_SECRETS: Final = {
    "pk_": "a publishable key, which is for browsers",
    "whsec_": "the secret of a webhook, which belongs in STRIPE_WEBHOOK_SECRET",
}


@frozen
class Operator:
    """An operator's name and one of the keys that identify them."""

    name: str
    key: str = field(repr=False)


def text(value: str) -> str:
    """Accept any text without control characters."""
    if not value.isprintable():
        raise ValueError("contains control characters or is not UTF-8")
    return value


def hmac_key(value: str) -> str:
    """Accept any bytes but a public or private key, with which no HS256 token is signed."""
    if value.lstrip().startswith(("-----BEGIN ", "ssh-", "ecdsa-")):
        raise ValueError(
            "is not an HS256 secret: an identity provider's keys are set with JWKS_URL"
        )
    return value


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """Accept a whole number within these limits."""

    def parse(value: str) -> int:
        # int() refuses very long texts, and no maximum here has ten digits.
        is_number = value.isascii() and value.isdigit() and len(value) < 10
        if not (is_number and minimum <= int(value) <= maximum):
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def web_url(value: str) -> str:
    """Accept an absolute web URL."""
    return _url(value, ("http", "https"), "a web URL")


def database_url(value: str) -> str:
    """Accept the URL of a PostgreSQL database.

    Its adapter reads the rest: a list of hosts and a unix socket are no ordinary URL.
    """
    if not text(value).startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
        raise ValueError("is not a PostgreSQL URL (postgresql:// or postgres://…)")
    return value


def prepared(value: str) -> Prepared:
    """Accept whether statements are prepared under names."""
    known: tuple[Prepared, ...] = get_args(Prepared)
    for each in known:
        if value == each:
            return each
    raise ValueError(f"must be one of {', '.join(known)}")


def nats_servers(value: str) -> str:
    """Accept one or more addresses of NATS servers; their adapter reads the rest."""
    for server in text(value).split(","):
        if not server.strip():
            raise ValueError("has an empty server in its list")
        scheme, separator, _ = server.strip().partition("://")
        if separator and scheme not in ("nats", "tls", "ws", "wss", "http"):
            raise ValueError("is not a list of NATS servers (nats://, tls://, ws://, host:port)")
    return value


def subject_prefix(value: str) -> str:
    """Accept words of letters, digits, `-` and `_`, with dots between."""
    if _SUBJECT_PREFIX.fullmatch(value) is None or len(value) > MAX_PREFIX:
        raise ValueError(
            f"must be words of letters, digits, - and _, with dots between; at most {MAX_PREFIX}"
        )
    return value


def capture_subject(value: str) -> str:
    """Accept a subject of NATS without wildcards that no other event of ours has."""
    if _SUBJECT.fullmatch(value) is None or len(value) > MAX_SUBJECT:
        raise ValueError(
            "must be a subject without spaces and wildcards, such as order:shipped; at most"
            f" {MAX_SUBJECT} characters"
        )
    if value in _SUBJECTS_OF_ORDERS or value.startswith(("payment:", "payments.dead-letters")):
        raise ValueError("is the subject of other events of this service")
    return value


def jetstream_domain(value: str) -> str:
    """Accept a name that is one word of a subject."""
    if _DOMAIN.fullmatch(value) is None:
        raise ValueError(f"must be a name of at most {MAX_PREFIX} letters, digits, - and _")
    return value


def switch(value: str) -> bool:
    """Accept `on` or `off`."""
    if value not in ("on", "off"):
        raise ValueError("must be on or off")
    return value == "on"


def file(value: str) -> Path:
    """Accept the path of a file that can be read."""
    if not text(value):
        raise ValueError("is not the path of a file")
    path = Path(value)
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        readable = os.access(path, os.R_OK)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ValueError(f"the file cannot be read: {reason}") from None
    if not is_regular:
        raise ValueError("is not a regular file")
    if not readable:
        raise ValueError("the file cannot be read: permission denied")
    return path


def _url(value: str, schemes: tuple[str, ...], kind: str) -> str:
    text(value)
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError if it is not a number
    except ValueError:
        raise ValueError(f"is not {kind}") from None
    if parts.scheme not in schemes or not (parts.hostname or parts.query):
        raise ValueError(f"is not {kind} ({' or '.join(schemes)}://…)")
    return value


def key(value: str) -> str:
    """Accept what can be sent in an HTTP header."""
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must consist of printable ASCII characters without spaces")
    return value


def stripe_key(value: str) -> str:
    """Accept a secret or restricted key of Stripe, and not what is mistaken for one."""
    for prefix, what in _OTHER_STRIPE_SECRETS.items():
        if value.startswith(prefix):
            raise ValueError(f"is {what}: the secret key (sk_… or rk_…) belongs here")
    return key(value)


def stripe_publishable_key(value: str) -> str:
    """Accept a publishable key of Stripe, and no key that must stay secret."""
    if not value.startswith("pk_"):
        raise ValueError("must begin with pk_: browsers see this key")
    return key(value)


def webhook_secrets(value: str) -> tuple[str, ...]:
    """Accept signing secrets of Stripe's webhooks."""
    secrets = _items(value)
    for each in secrets:
        if not each.startswith("whsec_") or each == "whsec_":
            raise ValueError("must begin with whsec_")
        key(each)
    return secrets


def webhook_id(value: str) -> str:
    """Accept PayPal's id of a webhook, and not its address."""
    if not _WEBHOOK_ID.fullmatch(value):
        raise ValueError("is not the id of a webhook at PayPal: letters and digits")
    return value


def operators(value: str) -> tuple[Operator, ...]:
    """Accept `name:key,name:key`; a name may occur twice, a key belongs to one name only."""
    found: dict[str, Operator] = {}
    for number, item in enumerate(_items(value), start=1):
        name, colon, secret = (part.strip() for part in item.partition(":"))
        if not (colon and _OPERATOR_NAME.fullmatch(name) and secret):
            raise ValueError(f"operator {number} is not name:key, such as alice:…")
        if found.setdefault(key(secret), Operator(name, secret)).name != name:
            raise ValueError(f"operator {number} has the key of another operator")
    return tuple(found.values())


def _items(value: str) -> tuple[str, ...]:
    items = tuple(item.strip() for item in value.split(",") if item.strip())
    if not items:
        raise ValueError("is an empty list")
    return items


def capture_mode(value: str) -> CaptureMode:
    """Accept when money is captured."""
    try:
        return CaptureMode(value)
    except ValueError:
        known = ", ".join(each.value for each in CaptureMode)
        raise ValueError(f"must be one of {known}") from None


def origins(value: str) -> tuple[str, ...]:
    """Accept origins of web pages."""
    found = _items(value)
    for number, item in enumerate(found, start=1):
        if not is_origin(item):
            raise ValueError(
                f"origin {number} is not like https://shop.example or https://shop.example:8443:"
                " small letters, no path, no default port; http is for localhost only"
            )
    return found


def currency(value: str) -> Currency:
    """Accept the code of a currency."""
    try:
        return Currency.of(value)
    except UnknownCurrency:
        raise ValueError("must be an ISO 4217 currency code, such as usd") from None
