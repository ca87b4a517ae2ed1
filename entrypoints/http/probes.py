"""The replies to probes and scrapers, for serve and worker; without a web framework."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.http.replies import Reply, json_reply, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail

logger = structlog.get_logger(__name__)

# A Kubernetes probe times out after one second by default; the reply must arrive before that.
CHECK_SECONDS: Final = 0.8

PROBES: Final = ("/health/", "/metrics")
"""What the paths begin with that probes and scrapers ask every few seconds."""

_OPEN_METRICS: Final = "application/openmetrics-text"

Check = Callable[[], Awaitable[None]]
"""A readiness check; it raises if what it checks cannot be used now."""


def live_reply() -> Reply:
    """Return the reply of a process that works."""
    return json_reply(200, {"status": "live"})


def stopping_reply() -> Reply:
    """Return the reply of a process that is not ready because it stops."""
    return problem_reply(503, ErrorDetail("The service is stopping"))


async def ready_reply(checks: Mapping[str, Check]) -> Reply:
    """Run the checks; return 200 if all pass, else 503 with the names of those that fail."""
    passed = await asyncio.gather(*(_passes(name, check) for name, check in checks.items()))
    results = {
        name: "ok" if is_ok else "failing" for name, is_ok in zip(checks, passed, strict=True)
    }
    if all(passed):
        return json_reply(200, {"status": "ready", "checks": results})
    failing = (name for name, result in results.items() if result == "failing")
    details = (ErrorDetail(f"{name} is not ready") for name in failing)
    return problem_reply(503, *details, checks=results)


def metrics_text(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics and their media type: OpenMetrics for a client that accepts it.

    Only OpenMetrics has exemplars
    (https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars).
    """
    if _OPEN_METRICS in accept.lower():
        content: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return content, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_LATEST


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (StorageUnavailable, BrokerUnavailable) as error:  # one line without secrets
        logger.warning("readiness check failed", check=name, reason=str(error))
        return False
    except Exception as error:  # a check may raise anything
        logger.warning("readiness check failed", check=name, reason=type(error).__name__)
        return False
    return True
