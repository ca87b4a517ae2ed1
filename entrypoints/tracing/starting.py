"""Start to export spans if the environment says so; OpenTelemetry is imported only then."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import structlog

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.logs import redact
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing

logger = structlog.get_logger(__name__)

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"

NOT_INSTALLED: Final = (
    "is set, but the exporter is not installed, so no spans are recorded: install `payments[otel]`"
)


@contextlib.contextmanager
def exported_spans(
    settings: Settings, service: str, environment: Mapping[str, str] = os.environ
) -> "Iterator[Tracing | None]":
    """Export spans until the block ends, and what is left then; yield None if nothing is exported.

    A missing extra is a warning, not an error: platforms set the variables for all programs.

    Raises:
        InvalidSetting: a variable `OTEL_…` cannot be used.
    """
    if settings.otlp_endpoint is None or is_switched_off(environment):
        yield None
        return
    try:
        from entrypoints.tracing.exporting import start_exporting
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("opentelemetry"):
            raise
        logger.warning("odd setting", problem=f"{ENDPOINT}: {NOT_INSTALLED}")
        yield None
        return
    try:
        exporting = start_exporting(service)
    except Exception as error:  # the SDK and its exporter read twenty variables
        text = redact(str(error)).partition("\n")[0]
        raise InvalidSetting("OTEL_…", f"one of them cannot be used: {text}") from None
    exporting.make_global()
    try:
        yield exporting.tracing
    finally:
        exporting.close()


def is_switched_off(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables say that no spans are exported."""
    values = {
        name: environment.get(name, "").strip().lower()
        for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER")
    }
    return values["OTEL_SDK_DISABLED"] == "true" or values["OTEL_TRACES_EXPORTER"] == "none"
