"""Spans are exported if the variables say so and the extra is installed; else it is said why."""

import sys

import pytest

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.settings import read_settings
from entrypoints.settings.exporters import find_odd_exporters
from entrypoints.tracing.starting import exported_spans

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
COLLECTOR = "http://127.0.0.1:4318"
REQUIRED = {"DATABASE_URL": "postgresql:///shop", "NATS_URL": "nats:4222", "STRIPE_KEY": "sk_1"}


def is_started(**variables: str) -> bool:
    settings = read_settings({**REQUIRED, **variables}, http=False)
    with exported_spans(settings, "payments-serve", variables) as tracing:
        return tracing is not None


def oddities(**variables: str) -> list[str]:
    return list(find_odd_exporters(read_settings({**REQUIRED, **variables}, http=False), variables))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: " "},
        {ENDPOINT: COLLECTOR, "OTEL_SDK_DISABLED": "TRUE"},
        {ENDPOINT: COLLECTOR, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": COLLECTOR},
    ],
)
def test_nothing_is_recorded_unless_the_variables_say_so(variables: dict[str, str]) -> None:
    assert not is_started(**variables)
    assert not oddities(**variables)


def test_a_missing_extra_is_an_oddity_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    assert not is_started(**{ENDPOINT: COLLECTOR})
    [line] = oddities(**{ENDPOINT: COLLECTOR})
    assert line == f"{ENDPOINT}: the extra is not installed, so nothing is sent: `payments[otel]`"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "console"),
        (ENDPOINT, "http://127.0.0.1:4317"),
    ],
)
def test_what_is_not_spoken_is_an_oddity(name: str, value: str) -> None:
    [line] = oddities(**{ENDPOINT: COLLECTOR, name: value})
    assert line.startswith(f"{name}: ")
    assert not oddities(**{ENDPOINT: COLLECTOR, "OTEL_TRACES_EXPORTER": "otlp"})


def test_a_variable_that_cannot_be_used_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(InvalidSetting, match=r"^OTEL_…: one of them cannot be used: max_queue"):
        is_started(**{ENDPOINT: COLLECTOR})
    with pytest.raises(InvalidSetting, match=f"^{ENDPOINT}: is not a web URL"):
        is_started(**{ENDPOINT: "collector:4318"})
