"""Spans are exported by OTLP, and an exporter that is down changes nothing."""

import asyncio
import contextlib
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Span
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from entrypoints.tracing.collector import collector_problem
from entrypoints.tracing.exporting import start_exporting
from payments_kit.doubles.stripe.running import running_stripe_double
from payments_kit.servers.processes import free_port
from tests.builders import PAYER
from tests.entrypoints.tracing.receiver import running_receiver
from tests.entrypoints.tracing.shop import ROLES, TRACE, TRACEPARENT, Shop, environment
from tests.system.deployment import PAYMENTS
from tests.system.service_process import ServiceProcess
from tests.system.shop_events import ShopEvents
from tests.system.waiting import eventually

# What is waited for takes milliseconds on a quiet machine.
MAX_SECONDS = 120.0

CREDENTIAL = "collector-key-that-must-not-leak"


@contextlib.contextmanager
def a_process(
    role: str, ready: str, variables: Mapping[str, str], *arguments: str
) -> Iterator[ServiceProcess]:
    """Start a process of the service."""
    process = ServiceProcess(role, [PAYMENTS, role, *arguments], variables, ready)
    process.begin_start()
    try:
        yield process
    finally:
        process.close()


async def stopped(process: ServiceProcess) -> str:
    """Stop a process; return its log."""
    assert await asyncio.to_thread(process.stop) == 0
    return process.log


async def test_both_processes_export_their_spans_and_what_is_left_when_they_stop(
    database_url: str, nats_url: str
) -> None:
    port = free_port()
    roles = [f"--role={each}" for each in ROLES]
    async with running_receiver() as receiver, running_stripe_double() as stripe:
        variables = environment(database_url, nats_url, stripe.url) | {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "DRAIN_SECONDS": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={CREDENTIAL}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        }
        # Longer than the test, so that all is sent at the end.
        late, renamed = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}, {"OTEL_SERVICE_NAME": "renamed"}
        with (
            a_process("serve", "listening", variables | late) as serve,
            a_process("worker", "worker started", variables | renamed, *roles) as worker,
        ):
            client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=MAX_SECONDS)
            for each in (serve, worker):
                await asyncio.to_thread(each.wait_until_ready)
            shop = Shop(client, stripe, events := ShopEvents(nats_url, PAYER))
            paid = await shop.pay(await shop.create_order(), traceparent=TRACEPARENT)
            assert paid.status_code == 201

            async def is_consumed() -> None:
                assert "process payment:created" in {span.name for _, span in receiver.spans}

            await eventually(is_consumed, MAX_SECONDS)
            accept = {"accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"}
            metrics = await client.get("/metrics", headers=accept)
            logs = await stopped(serve) + await stopped(worker)
            await client.aclose()
            await events.close()

    services = {
        span.name: resource["service.name"]
        for resource, span in receiver.spans
        if span.trace_id.hex() == TRACE
    }
    assert services["POST /api/payments"] == services["stripe charge"] == "payments-serve"
    assert services["send payment:created"] == services["process payment:created"] == "renamed"
    assert {each["deployment.environment.name"] for each, _ in receiver.spans} == {"test"}
    assert {each["x-key"] for each in receiver.headers} == {CREDENTIAL}
    assert CREDENTIAL not in logs
    families = text_string_to_metric_families(metrics.text)  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    exemplars = {
        (each.name.removesuffix("_bucket"), each.exemplar.labels["trace_id"])
        for each in samples
        if each.exemplar
    }
    durations = "payments_http_request_seconds", "payments_gateway_call_seconds"
    assert exemplars >= {(each, TRACE) for each in durations}
    lines = [line for line in logs.splitlines() if f'"trace_id":"{TRACE}"' in line]
    assert any('"route":"/api/payments"' in line for line in lines)


class Stuck(SpanExporter):
    """An exporter whose collector does not answer."""

    def __init__(self) -> None:
        self.begun, self.ended = Event(), Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.begun.set()
        self.ended.wait()
        return SpanExportResult.FAILURE


def test_a_collector_that_does_not_answer_costs_bounded_memory_and_delays_no_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "64")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    stuck, spans = Stuck(), list[weakref.ref[Span]]()
    exporting = start_exporting("payments-serve", stuck)

    def record() -> None:
        with exporting.tracing.run("relay") as run:
            run.done(1)
        spans.append(weakref.ref(run.run.span))

    for _ in range(1000):
        record()

    began = time.monotonic()
    exporting.close(seconds=0.2)

    assert stuck.begun.is_set()
    assert time.monotonic() - began < MAX_SECONDS / 10
    assert sum(each() is not None for each in spans) <= 64 + 8
    stuck.ended.set()


def test_what_cannot_be_exported_is_logged_once_and_without_the_credentials(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"{CREDENTIAL},authorization={CREDENTIAL}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    exporting = start_exporting("payments-serve")
    with exporting.tracing.run("relay") as run:
        run.done(1)

    exporting.close()

    assert any("Failed to export spans" in each for each in caplog.messages)
    assert CREDENTIAL not in caplog.text


@pytest.mark.parametrize(("path", "problem"), [("", None), ("/other", "404 Not Found")])
async def test_a_collector_that_accepts_no_spans_is_noticed(
    path: str, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url + path)
        assert await asyncio.to_thread(collector_problem) == problem


def test_a_collector_that_is_away_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert collector_problem() == "no answer"
