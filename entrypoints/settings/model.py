"""Settings: one declaration for each variable, its default and its description."""

from pathlib import Path
from typing import Final

from attrs import field, frozen

from domain.capture import CaptureMode
from domain.money import Currency
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings import gateways, parsers
from entrypoints.settings.gateways import GatewayName, GatewayRoute
from entrypoints.settings.parsers import Operator, Prepared, whole_number
from entrypoints.settings.variable import NO_DEFAULT, REQUIRED, declare, declared


@frozen(kw_only=True)
class Settings:
    """The configuration of a process.

    A field's metadata declares its variable; `payments --help` and README.md show the same.
    """

    database_url: str = field(
        repr=False,
        metadata=declare(
            "DATABASE_URL",
            parsers.database_url,
            "`postgresql://user:pass@host/db`, or [any other form](docs/database.md) of libpq",
            default=REQUIRED,
            is_secret=True,
        ),
    )
    nats_url: str = field(
        repr=False,
        metadata=declare(
            "NATS_URL",
            parsers.nats_servers,
            "one or more servers, separated by commas: `nats://`, `tls://`, `ws://`, `wss://`,"
            " or `host:port`",
            default=REQUIRED,
            is_secret=True,
        ),
    )
    nats_creds_file: Path | None = field(
        default=None,
        metadata=declare("NATS_CREDS_FILE", parsers.file, "a NATS user's JWT and key"),
    )
    nats_nkey_seed_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_NKEY_SEED_FILE", parsers.file, "the seed of a NATS user's key, `SU…`"
        ),
    )
    nats_ca_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_CA_FILE",
            parsers.file,
            "authorities of the servers' certificates; TLS is required with it",
            default="the system's",
        ),
    )
    nats_cert_file: Path | None = field(
        default=None,
        metadata=declare("NATS_CERT_FILE", parsers.file, "our certificate for NATS, in PEM format"),
    )
    nats_key_file: Path | None = field(
        default=None,
        metadata=declare(
            "NATS_KEY_FILE", parsers.file, "the key of that certificate, in PEM format"
        ),
    )
    nats_tls_handshake_first: bool = field(
        default=False,
        metadata=declare(
            "NATS_TLS_HANDSHAKE_FIRST",
            parsers.switch,
            "`on` for NATS servers with `handshake_first`; TLS is required with it",
            default="off",
        ),
    )
    nats_jetstream_domain: str = field(
        default="",
        metadata=declare(
            "NATS_JETSTREAM_DOMAIN",
            parsers.jetstream_domain,
            "the JetStream domain with the streams, if it is not that of the servers",
            default=NO_DEFAULT,
        ),
    )
    nats_subject_prefix: str = field(
        default="",
        metadata=declare(
            "NATS_SUBJECT_PREFIX",
            parsers.subject_prefix,
            "put before subjects, streams and consumers: `shop1` gives `shop1.order:created`",
            default=NO_DEFAULT,
        ),
    )
    capture_subject: str = field(
        default="order:shipped",
        metadata=declare(
            "CAPTURE_SUBJECT",
            parsers.capture_subject,
            "the event that captures an authorized payment",
            default="`order:shipped`",
        ),
    )
    jwt_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "JWT_KEY",
            parsers.hmac_key,
            "HS256 secret that signs users' tokens, used byte for byte",
            default="required unless `JWKS_URL`",
            is_secret=True,
            keeps_spaces=True,
        ),
    )
    jwt_key_previous: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "JWT_KEY_PREVIOUS",
            parsers.hmac_key,
            "the previous secret, accepted as well while `JWT_KEY` is rotated",
            is_secret=True,
            keeps_spaces=True,
        ),
    )
    jwks_url: str | None = field(
        default=None,
        metadata=declare("JWKS_URL", parsers.web_url, "RS256/ES256 keys of an identity provider"),
    )
    jwt_audience: str | None = field(
        default=None,
        metadata=declare(
            "JWT_AUDIENCE",
            parsers.text,
            "the required `aud` of a token; set it if the provider serves other applications, too",
            default="any",
        ),
    )
    jwt_issuer: str | None = field(
        default=None,
        metadata=declare(
            "JWT_ISSUER", parsers.text, "the required `iss` of a token", default="any"
        ),
    )
    jwt_user_claim: str | None = field(
        default=None,
        metadata=declare(
            "JWT_USER_CLAIM",
            parsers.text,
            "the claim that names the user; a whole number is its decimal text",
            default="`id`, else `sub`",
        ),
    )
    payment_gateways: tuple[GatewayName | GatewayPlugin, ...] = field(
        default=(gateways.DEFAULT,),
        metadata=declare(
            "PAYMENT_GATEWAY",
            gateways.gateways,
            "`stripe-payment-intents`, `stripe-charges`, `paypal`, `fake`,"
            " or `package.module:function` of [your own](docs/gateways.md); several with commas,"
            " the first is the default",
            default=f"`{gateways.DEFAULT}`",
        ),
    )
    gateway_routes: tuple[GatewayRoute, ...] = field(
        default=(),
        metadata=declare(
            "GATEWAY_ROUTES",
            gateways.routes,
            "the gateways that a currency may use, the best first, such as"
            " `eur:paypal,stripe-payment-intents;*:stripe-payment-intents`",
            default="all, in the order above",
        ),
    )
    stripe_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "STRIPE_KEY",
            parsers.stripe_key,
            "secret key `sk_…`, or a restricted one `rk_…`",
            default="required for `stripe-*`",
            is_secret=True,
        ),
    )
    stripe_publishable_key: str | None = field(
        default=None,
        metadata=declare(
            "STRIPE_PUBLISHABLE_KEY",
            parsers.stripe_publishable_key,
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
            parsers.webhook_secrets,
            "`whsec_…`; two, separated by a comma, while one is rotated",
            default="webhooks are refused without it",
            is_secret=True,
        ),
    )
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
            parsers.webhook_id,
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
    capture: CaptureMode = field(
        default=CaptureMode.AUTOMATIC,
        metadata=declare(
            "CAPTURE",
            parsers.capture_mode,
            "`automatic`, or `manual`: authorize now and capture later; an order's own `capture`"
            " has precedence",
            default="`automatic`",
        ),
    )
    return_origins: tuple[str, ...] = field(
        default=(),
        metadata=declare(
            "RETURN_ORIGINS",
            parsers.origins,
            "origins that `returnUrl` may lead to, such as `https://shop.example`, separated by"
            " commas",
            default="no methods that redirect",
        ),
    )
    currency: Currency = field(
        default=Currency("usd"),
        metadata=declare(
            "CURRENCY",
            parsers.currency,
            "ISO 4217 code of prices without a currency",
            default="`usd`",
        ),
    )
    host: str = field(
        default="0.0.0.0",  # noqa: S104 - a service in a container listens on every address
        metadata=declare("HOST", parsers.text, "where `serve` listens"),
    )
    port: int = field(
        default=3000,
        metadata=declare("PORT", whole_number(0, 65535), "the port of `serve`"),
    )
    # Where OpenTelemetry's SDKs export to Prometheus by default, so tools know it:
    # https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    worker_port: int = field(
        default=9464,
        metadata=declare(
            "WORKER_PORT",
            whole_number(0, 65535),
            "the port of the probes and metrics of `worker`; 0: nowhere",
        ),
    )
    # A balancer that asks every two seconds, and gives up after two failures, has noticed by then.
    drain_seconds: int = field(
        default=5,
        metadata=declare(
            "DRAIN_SECONDS",
            whole_number(0, 60),
            "how long `serve` accepts connections after SIGTERM, while `/health/ready` is 503",
        ),
    )
    operator_key: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "OPERATOR_KEY",
            parsers.key,
            "the bearer key of the operator who is named `operator`",
            default="the operator API and the console are off without this and `OPERATORS`",
            is_secret=True,
        ),
    )
    named_operators: tuple[Operator, ...] = field(
        default=(),
        metadata=declare(
            "OPERATORS",
            parsers.operators,
            "more operators: `name:key,name:key`; a name may occur twice while its key is rotated",
            is_secret=True,
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
    retention_events_days: int = field(
        default=14,
        metadata=declare(
            "RETENTION_EVENTS_DAYS",
            whole_number(1, 3650),
            "how long [what is no longer needed is kept](docs/retention.md): sent events",
        ),
    )
    # Stripe repeats a notification for 3 days, and for 30 if an operator asks for it
    # (https://docs.stripe.com/webhooks#retries).
    retention_notifications_days: int = field(
        default=30,
        metadata=declare(
            "RETENTION_NOTIFICATIONS_DAYS",
            whole_number(3, 3650),
            "the ids of applied notifications",
        ),
    )
    # Longer than the longest DECLINE_WINDOW_SECONDS, which is a day.
    retention_declines_days: int = field(
        default=7,
        metadata=declare(
            "RETENTION_DECLINES_DAYS",
            whole_number(1, 3650),
            "declines, with users and IP addresses",
        ),
    )
    retention_alerts_days: int = field(
        default=30,
        metadata=declare("RETENTION_ALERTS_DAYS", whole_number(1, 3650), "alerts"),
    )
    retention_differences_days: int = field(
        default=90,
        metadata=declare(
            "RETENTION_DIFFERENCES_DAYS",
            whole_number(1, 3650),
            "differences that a reconciliation no longer finds",
        ),
    )
    # IdempotencyStore promises to repeat the first reply for a day.
    retention_replies_days: int = field(
        default=2,
        metadata=declare(
            "RETENTION_REPLIES_DAYS",
            whole_number(1, 3650),
            "replies to requests with an `Idempotency-Key`",
        ),
    )
    trusted_proxies: int = field(
        default=0,
        metadata=declare(
            "TRUSTED_PROXIES",
            whole_number(0, 16),
            "how many proxies in front append to `X-Forwarded-For`",
        ),
    )
    # Ten processes fit into PostgreSQL's default max_connections of 100, and a connection is busy
    # for one statement at a time only.
    database_pool: int = field(
        default=10,
        metadata=declare(
            "DATABASE_POOL",
            whole_number(1, 1000),
            "connections of one process; there is one more for `/health/ready`, and one for"
            " notifications in a worker",
        ),
    )
    database_prepared: Prepared = field(
        default="auto",
        metadata=declare(
            "DATABASE_PREPARED",
            parsers.prepared,
            "`off` behind a connection pooler that does not keep prepared statements, `on` behind"
            " one in session mode; `auto` detects it",
        ),
    )

    otlp_endpoint: str | None = field(
        default=None,
        repr=False,
        metadata=declare(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            parsers.web_url,
            "where [spans](docs/operations.md#traces) are sent by OTLP over HTTP; the extra `otel`"
            " and the other variables of OpenTelemetry, `OTEL_…`, apply",
            default="none are recorded",
        ),
    )

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Everybody who may use the operator API; the owner of OPERATOR_KEY is `operator`."""
        owner = (Operator("operator", self.operator_key),) if self.operator_key else ()
        return owner + self.named_operators


VARIABLES: Final = declared(Settings)
