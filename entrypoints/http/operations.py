"""`/health/live`, `/health/ready` and `/metrics`: for whoever runs the service."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from attrs import frozen
from litestar import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from entrypoints.http.dependencies import Check
from entrypoints.http.replies import ErrorDetail, problem, reply
from entrypoints.http.responses import to_response

logger = structlog.get_logger(__name__)

# Kubernetes gives a probe one second by default; an answer that says what is wrong must be sooner.
CHECK_SECONDS: Final = 0.8


@frozen
class OperationRoutes:
    """What probes and scrapers ask."""

    checks: Mapping[str, Check]
    registry: CollectorRegistry

    async def live(self) -> Response[bytes]:
        """Whether the process answers at all."""
        return to_response(reply(200, {"status": "live"}))

    async def ready(self) -> Response[bytes]:
        """Whether requests can be served: whatever is needed for that is reachable."""
        checks = self.checks.items()
        results = await asyncio.gather(*(_fails(name, check) for name, check in checks))
        found = {
            name: "failing" if fails else "ok"
            for name, fails in zip(self.checks, results, strict=True)
        }
        if any(results):
            failing = (name for name in found if found[name] == "failing")
            details = (ErrorDetail(f"{name} is not ready") for name in failing)
            return to_response(problem(503, *details, checks=found))
        return to_response(reply(200, {"status": "ready", "checks": found}))

    async def metrics(self) -> Response[bytes]:
        """What Prometheus scrapes."""
        # Litestar appends the charset of a media type that begins with `text/` itself.
        media_type = CONTENT_TYPE_LATEST.partition("; charset")[0]
        return Response(generate_latest(self.registry), media_type=media_type)


async def _fails(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:  # whatever it is, the service is not ready
        logger.warning("check failed", check=name, reason=type(error).__name__)
        return True
    return False
