"""Where spans are sent."""

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.variable import declare


@frozen(kw_only=True, slots=False)
class TraceSettings:
    """Where spans are sent."""

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
