"""Convert replies and exceptions into Litestar responses."""

from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse

from application.use_cases.limit_declines import TooManyDeclines
from domain.claim import NotYourOrder
from entrypoints.http.errors import reply_to
from entrypoints.http.replies import Reply, problem_reply

logger = structlog.get_logger(__name__)


class ReplyResponse(Response[bytes]):
    """A reply as a Litestar response; that of a direct route is sent without becoming one."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def to_asgi_response(self, *args: Any, **options: Any) -> ASGIResponse:
        """Return what Litestar sends."""
        return Response(
            content=self.reply.content,
            status_code=self.reply.status,
            headers=dict(self.reply.headers),
            media_type=self.reply.media_type,
        ).to_asgi_response(*args, **options)


def to_response(reply: Reply) -> ReplyResponse:
    """Convert a reply into a Litestar response."""
    return ReplyResponse(reply)


def on_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the response to an exception of a route or of Litestar's routing."""
    return to_response(error_reply(error))


def error_reply(error: Exception) -> Reply:
    """Return the reply to an exception of a route or of Litestar's routing."""
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem_reply(error.status_code, headers=error.headers)
    _log_refusal(error)
    return reply_to(error)


def _log_refusal(error: Exception) -> None:
    """Log what may be an attempt to get around a rule; the line has the ids of the request."""
    if isinstance(error, NotYourOrder):
        logger.warning("access refused", problem="the order is another user's")
    elif isinstance(error, TooManyDeclines):
        logger.warning("payment refused", problem="too many declines of a user or an address")
