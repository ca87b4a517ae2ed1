"""The environment, read once into one frozen Settings."""

from collections.abc import Mapping
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from attrs import field, frozen

from application.ports.gateway_plugin import InvalidSetting
from domain.money import Currency, UnknownCurrency
from entrypoints.gateway_plugin import GatewayPlugin

GatewayName = Literal["stripe-payment-intents", "stripe-charges", "fake"]


@frozen(kw_only=True)
class Settings:
    """The configuration of a process; README.md lists the variables."""

    database_url: str = field(repr=False)
    nats_url: str = field(repr=False)
    jwt_key: str | None = field(default=None, repr=False)
    jwks_url: str | None = None
    jwt_audience: str | None = None
    """The required audience of a user's token (its claim `aud`); None accepts any audience."""
    jwt_issuer: str | None = None
    """The required issuer of a user's token (its claim `iss`); None accepts any issuer."""
    payment_gateway: GatewayName | GatewayPlugin = "stripe-payment-intents"
    stripe_key: str | None = field(default=None, repr=False)
    stripe_api_base: str | None = None
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    """Two while a secret is being rotated; a signature may match any of them."""
    currency: Currency = Currency("usd")
    """The currency of prices without a currency of their own."""
    host: str = "0.0.0.0"  # noqa: S104 - a service in a container listens on every address
    port: int = 3000
    operator_key: str | None = field(default=None, repr=False)
    declines_per_user: int = 20
    """Declined cards allowed in each window: more than a customer who mistypes a few cards needs,
    less than the hundreds that an attacker with stolen cards tries."""
    declines_per_address: int = 200
    """Ten times the limit of a user: an office or a mobile network shares one address."""
    decline_window_seconds: int = 600
    """The longest time that a customer over a limit has to wait."""
    trusted_proxies: int = 0
    """How many proxies are in front of the service, each adding to X-Forwarded-For."""
    database_pool: int = 10
    """Connections of one process. Ten processes fit into PostgreSQL's default max_connections of
    100, and a connection is busy for one statement at a time only."""


# The defaults of the class apply to variables that are not set; the addresses are required.
_DEFAULT: Final = Settings(database_url="", nats_url="")


def read_settings(environment: Mapping[str, str], *, http: bool = True) -> Settings:
    """Read the environment.

    Args:
        environment: such as os.environ. An empty value counts as not set.
        http: whether the process checks users' tokens, which requires JWT_KEY or JWKS_URL.

    Raises:
        InvalidSetting: a variable is missing or malformed.
    """
    read = _Reader(environment)
    gateway = read.gateway("PAYMENT_GATEWAY")
    settings = Settings(
        database_url=read.database(),
        nats_url=read.servers("NATS_URL"),
        jwt_key=read.text("JWT_KEY"),
        jwks_url=read.optional_url("JWKS_URL", ("http", "https")),
        jwt_audience=read.text("JWT_AUDIENCE"),
        jwt_issuer=read.text("JWT_ISSUER"),
        payment_gateway=gateway,
        stripe_key=read.key("STRIPE_KEY"),
        stripe_api_base=read.optional_url("STRIPE_API_BASE", ("http", "https")),
        stripe_webhook_secrets=read.list("STRIPE_WEBHOOK_SECRET", prefix="whsec_"),
        currency=read.currency("CURRENCY", _DEFAULT.currency),
        host=read.text("HOST") or _DEFAULT.host,
        port=read.number("PORT", _DEFAULT.port, 0, 65535),
        operator_key=read.text("OPERATOR_KEY"),
        declines_per_user=read.number(
            "DECLINES_PER_USER", _DEFAULT.declines_per_user, 1, 1_000_000
        ),
        declines_per_address=read.number(
            "DECLINES_PER_ADDRESS", _DEFAULT.declines_per_address, 1, 1_000_000
        ),
        decline_window_seconds=read.number(
            "DECLINE_WINDOW_SECONDS", _DEFAULT.decline_window_seconds, 1, 86_400
        ),
        trusted_proxies=read.number("TRUSTED_PROXIES", _DEFAULT.trusted_proxies, 0, 16),
        database_pool=read.number("DATABASE_POOL", _DEFAULT.database_pool, 1, 1000),
    )
    if http and settings.jwt_key is None and settings.jwks_url is None:
        raise InvalidSetting("JWT_KEY", "is required unless JWKS_URL is set")
    stripe = ("stripe-payment-intents", "stripe-charges")
    if gateway in stripe and settings.stripe_key is None:
        raise InvalidSetting("STRIPE_KEY", f"is required with PAYMENT_GATEWAY={gateway}")
    return settings


def read_database_url(environment: Mapping[str, str]) -> str:
    """Return the value of DATABASE_URL; a migration needs no other variable.

    Raises:
        InvalidSetting: it is missing or malformed.
    """
    return _Reader(environment).database()


@frozen
class _Reader:
    environment: Mapping[str, str]

    def text(self, name: str) -> str | None:
        value = self.environment.get(name, "").strip()
        return value or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise InvalidSetting(name, "is required")
        return value

    def number(self, name: str, default: int, minimum: int, maximum: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        # int() refuses very long texts, and no maximum here has ten digits.
        is_number = value.isascii() and value.isdigit() and len(value) < 10
        if not (is_number and minimum <= int(value) <= maximum):
            raise InvalidSetting(name, f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    def gateway(self, name: str) -> GatewayName | GatewayPlugin:
        value = self.text(name)
        if value is None:
            return _DEFAULT.payment_gateway
        if GatewayPlugin.is_reference(value):
            return GatewayPlugin.load(value, self.environment)
        known: tuple[GatewayName, ...] = get_args(GatewayName)
        for each in known:
            if value == each:
                return each
        raise InvalidSetting(name, f"must be one of {', '.join(known)}, or package.module:function")

    def url(self, name: str, schemes: tuple[str, ...], kind: str) -> str:
        value = self.required(name)
        try:
            parts = urlsplit(value)
            _ = parts.port  # raises ValueError if it is not a number
        except ValueError:
            raise InvalidSetting(name, f"is not {kind}") from None
        if parts.scheme not in schemes or not (parts.hostname or parts.query):
            raise InvalidSetting(name, f"is not {kind} ({' or '.join(schemes)}://…)")
        return value

    def optional_url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        return self.url(name, schemes, "a web URL") if self.text(name) else None

    def database(self) -> str:
        schemes = ("postgresql", "postgres")
        return self.url("DATABASE_URL", schemes, "a PostgreSQL URL")

    def servers(self, name: str) -> str:
        for server in self.required(name).split(","):
            if not server.strip():
                raise InvalidSetting(name, "has an empty server in its list")
            one = _Reader({name: server})
            one.url(name, ("nats", "tls", "ws", "wss"), "a list of NATS servers")
        return self.required(name)

    def key(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not (value.isascii() and value.isprintable() and " " not in value):
            raise InvalidSetting(name, "must consist of printable ASCII characters without spaces")
        return value

    def list(self, name: str, prefix: str) -> tuple[str, ...]:
        values = tuple(each.strip() for each in (self.text(name) or "").split(",") if each.strip())
        if not all(value.startswith(prefix) for value in values):
            raise InvalidSetting(name, f"must begin with {prefix}")
        return values

    def currency(self, name: str, default: Currency) -> Currency:
        try:
            return Currency.of(self.text(name) or default.code)
        except UnknownCurrency:
            raise InvalidSetting(name, "must be an ISO 4217 currency code, such as usd") from None
