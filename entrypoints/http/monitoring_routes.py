"""`/health/live`, `/health/ready` and `/metrics`: for orchestrators and Prometheus."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from attrs import frozen
from litestar import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from application.ports.unit_of_work import StorageUnavailable
from entrypoints.http.dependencies import Check
from entrypoints.http.replies import ErrorDetail, json_reply, problem_reply
from entrypoints.http.requests import AnyRequest
from entrypoints.http.responses import to_response

logger = structlog.get_logger(__name__)

# A Kubernetes probe times out after one second by default; the reply must arrive before that.
CHECK_SECONDS: Final = 0.8


@frozen
class MonitoringRoutes:
    """The routes for probes and scrapers."""

    checks: Mapping[str, Check]
    registry: CollectorRegistry

    async def live(self) -> Response[bytes]:
        """Return 200 while the process handles requests."""
        return to_response(json_reply(200, {"status": "live"}))

    async def ready(self, request: AnyRequest) -> Response[bytes]:
        """Return 200 if everything that requests need is reachable, else 503; 503 when stopping."""
        if request.app.state.is_stopping:
            return to_response(problem_reply(503, ErrorDetail("The service is stopping")))
        checks = self.checks.items()
        passed = await asyncio.gather(*(_passes(name, check) for name, check in checks))
        results = {
            name: "ok" if is_ok else "failing"
            for name, is_ok in zip(self.checks, passed, strict=True)
        }
        if all(passed):
            return to_response(json_reply(200, {"status": "ready", "checks": results}))
        failing = (name for name, result in results.items() if result == "failing")
        details = (ErrorDetail(f"{name} is not ready") for name in failing)
        return to_response(problem_reply(503, *details, checks=results))

    async def metrics(self) -> Response[bytes]:
        """Return the metrics in the text format of Prometheus."""
        # Litestar itself appends the charset to a media type that begins with `text/`.
        media_type = CONTENT_TYPE_LATEST.partition("; charset")[0]
        return Response(generate_latest(self.registry), media_type=media_type)


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except StorageUnavailable as error:  # its text is one line without secrets
        logger.warning("readiness check failed", check=name, reason=str(error))
        return False
    except Exception as error:  # a check may raise anything
        logger.warning("readiness check failed", check=name, reason=type(error).__name__)
        return False
    return True
