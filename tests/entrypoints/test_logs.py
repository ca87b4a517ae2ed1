"""Logs: one JSON object per line from every logger, without secrets."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from application.log_context import log_context
from entrypoints import logs
from entrypoints.logs import configure_logs, redact, write_line
from entrypoints.trace_context import use_traceparent

Logged = Callable[[], list[dict[str, Any]]]


def test_structlog_and_logging_write_the_same_kind_of_lines(logged: Logged) -> None:
    structlog.get_logger("ours").info("paid", order="order-1")
    structlog.get_logger("ours").info("odd", value=redact)
    logging.getLogger("theirs").warning("connection to %s lost", "nats", extra={"tries": 3})

    ours, odd, theirs = logged()
    assert (ours["event"], ours["order"], ours["level"]) == ("paid", "order-1", "info")
    assert odd["value"] == repr(redact)
    assert (theirs["event"], theirs["tries"]) == ("connection to nats lost", 3)
    for line in (ours, odd, theirs):
        assert {"event", "level", "logger", "timestamp"} <= line.keys()


def test_an_error_is_one_line_with_its_traceback(logged: Logged) -> None:
    try:
        raise ValueError("with whsec_0123 and tok_visa in it")
    except ValueError:
        structlog.get_logger("ours").exception("failed")
        logging.getLogger("theirs").exception("failed")

    ours, theirs = logged()
    for line in (ours, theirs):
        assert "Traceback" in line["exception"]
        assert "ValueError" in line["exception"]
        assert "whsec_0123" not in str(line)
        assert "tok_visa" not in str(line)


def test_lines_carry_the_id_of_the_current_trace(logged: Logged) -> None:
    with use_traceparent(None) as traceparent:
        structlog.get_logger("ours").info("inside")
    structlog.get_logger("ours").info("outside")

    inside, outside = logged()
    assert inside["trace_id"] == traceparent[3:35]
    assert "trace_id" not in outside


def test_a_line_that_is_written_directly_is_like_the_others_and_its_ids_are_redacted(
    logged: Logged,
) -> None:
    with use_traceparent(None), log_context(request="0a", order_id="tok_visa", payment_id="p1"):
        structlog.get_logger("ours").info("request", status=200)
        write_line("ours", "request", status=200)

    by_structlog, direct = ({**line, "timestamp": None} for line in logged())
    assert direct == by_structlog
    assert direct["order_id"] == "<redacted>"


def test_a_line_that_is_written_directly_has_a_level_and_does_not_fail_with_its_stream() -> None:
    stream, (root, before) = io.StringIO(), (logging.getLogger(), structlog.get_config())
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs(stream, logging.WARNING)
        write_line("ours", "request")
        assert not stream.getvalue()
        configure_logs(stream)
        stream.close()
        write_line("ours", "request")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)


@given(
    st.text("eyJA21-._ s", max_size=90)
    | st.from_regex(
        r"[A-Za-z0-9._-]{0,5}(?:eyJ|A21AA|E|sk_|tok_)[A-Za-z0-9._-]{0,90}", fullmatch=True
    )
)
@example(f"E{'x' * 79}")  # a client secret of PayPal's
def test_an_id_that_is_not_looked_at_has_nothing_to_redact(text: str) -> None:
    assert redact(text) == text or not logs._HARMLESS.fullmatch(text)


@pytest.mark.parametrize(
    "secret",
    [
        *("sk_live_51H8", "rk_test_51H8", "whsec_abc", "tok_visa", "pm_card_visa"),
        *("pi_3PqR_secret_vXyZ", "Bearer abc.def-ghi", "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2ln"),
        "postgresql://user:password@host/db",
        "ctoken_1PqR",
        f"A21AA{'Fx' * 20}",
        f"E{'Kx_-' * 19}abc",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    ],
)
def test_a_secret_is_redacted(secret: str) -> None:
    text = redact(json.dumps({"event": f"received {secret}, then stopped"}))
    assert json.loads(text)["event"].endswith(", then stopped")
    for part in (secret, "password", "vXyZ", "abc.def"):
        assert part not in text


def test_the_query_of_a_url_is_redacted_and_the_rest_is_shown() -> None:
    url = "https://shop.example/done?redirect_status=succeeded&setup=vXyZ#end"
    text = redact(json.dumps({"event": f"sent to {url}", "url": url, "order": "order-1"}))
    shown = "https://shop.example/done?<redacted>"
    assert json.loads(text) == {"event": f"sent to {shown}", "url": shown, "order": "order-1"}


@pytest.mark.parametrize(
    "text",
    ["http://127.0.0.1:3000", "order task_1 at 12:00", "payment 0b5c9f6e", "GET /api/payments"],
)
def test_other_text_is_not_changed(text: str) -> None:
    assert redact(text) == text
