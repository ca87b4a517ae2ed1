"""`/health/live`, `/health/ready` and `/metrics`: for orchestrators and Prometheus."""

from collections.abc import Mapping

from attrs import frozen
from litestar import Response
from prometheus_client import CollectorRegistry

from entrypoints.http.http_request import HttpRequest
from entrypoints.http.probes import (
    Check,
    live_reply,
    metrics_text,
    ready_reply,
    stopping_reply,
)
from entrypoints.http.responses import to_response


@frozen
class MonitoringRoutes:
    """The routes for probes and scrapers."""

    checks: Mapping[str, Check]
    registry: CollectorRegistry

    async def live(self, request: HttpRequest) -> Response[bytes]:
        """Return 200 while the process handles requests."""
        return to_response(live_reply())

    async def ready(self, request: HttpRequest) -> Response[bytes]:
        """Return 200 if everything that requests need is reachable, else 503; 503 when stopping."""
        if request.app.state.stopping.has_begun:
            return to_response(stopping_reply())
        return to_response(await ready_reply(self.checks))

    async def metrics(self, request: HttpRequest) -> Response[bytes]:
        """Return the metrics in the text format of Prometheus, or in that of OpenMetrics."""
        content, media_type = metrics_text(self.registry, request.headers.get("accept", ""))
        # Litestar itself appends the charset to a media type that begins with `text/`.
        if media_type.startswith("text/"):
            media_type = media_type.partition("; charset")[0]
        return Response(content, media_type=media_type)
