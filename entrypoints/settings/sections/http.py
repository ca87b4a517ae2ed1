"""Where the processes listen, and what is in front of them."""

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.parsers import whole_number
from entrypoints.settings.variable import declare


@frozen(kw_only=True, slots=False)
class HttpSettings:
    """Where the processes listen, and what is in front of them."""

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
    trusted_proxies: int = field(
        default=0,
        metadata=declare(
            "TRUSTED_PROXIES",
            whole_number(0, 16),
            "how many proxies in front append to `X-Forwarded-For`",
        ),
    )
