"""Start to export spans if the environment says so; OpenTelemetry is imported only then."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.logs import redact
from entrypoints.settings import Settings
from entrypoints.settings.exporters import exports_spans, has_exporter

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing


@contextlib.contextmanager
def exported_spans(
    settings: Settings, service: str, environment: Mapping[str, str] = os.environ
) -> "Iterator[Tracing | None]":
    """Export spans until the block ends, and what is left then; yield None if nothing is exported.

    A missing extra is an oddity, not an error: platforms set the variables for all programs.

    Raises:
        InvalidSetting: a variable `OTEL_…` cannot be used.
    """
    if not (exports_spans(settings, environment) and has_exporter()):
        yield None
        return
    from entrypoints.tracing.exporting import start_exporting

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
