"""Whether spans are exported, and what is odd about that; nothing of OpenTelemetry is imported."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from entrypoints.settings.model import Settings

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"

# https://opentelemetry.io/docs/specs/otlp/#otlphttp-default-port
HTTP_PORT: Final = 4318
GRPC_PORT: Final = 4317

_MODULES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def exports_spans(settings: Settings, environment: Mapping[str, str]) -> bool:
    """Whether the variables say that spans are exported.

    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    is_disabled = _value(environment, "OTEL_SDK_DISABLED") == "true"
    is_off = is_disabled or _value(environment, "OTEL_TRACES_EXPORTER") == "none"
    return settings.otlp_endpoint is not None and not is_off


def has_exporter() -> bool:
    """Whether the extra `otel` is installed."""
    try:
        return all(find_spec(each) is not None for each in _MODULES)
    except ModuleNotFoundError:  # of a package around it
        return False


def find_odd_exporters(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield one line for each reason why spans will not arrive."""
    if not exports_spans(settings, environment):
        return
    if not has_exporter():
        yield f"{ENDPOINT}: the extra is not installed, so nothing is sent: `payments[otel]`"
        return
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if _value(environment, name) not in ("", "http/protobuf"):
            yield f"{name}: spans are sent with http/protobuf only"
    if _value(environment, "OTEL_TRACES_EXPORTER") not in ("", "otlp"):
        yield "OTEL_TRACES_EXPORTER: spans are sent by otlp only"
    if urlsplit(settings.otlp_endpoint or "").port == GRPC_PORT:
        yield f"{ENDPOINT}: {GRPC_PORT} is the port of gRPC; that of OTLP over HTTP is {HTTP_PORT}"


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip().lower()
