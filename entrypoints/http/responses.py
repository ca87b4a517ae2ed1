"""Convert replies and exceptions into Litestar responses."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from entrypoints.http.errors import reply_to
from entrypoints.http.replies import JSON, PROBLEM_JSON, Reply, problem_reply


def to_response(reply: Reply) -> Response[bytes]:
    """Convert a reply into a Litestar response."""
    return Response(
        content=reply.content,
        status_code=reply.status,
        headers=dict(reply.headers),
        media_type=PROBLEM_JSON if reply.is_problem else JSON,
    )


def on_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the response to an exception of a route or of Litestar's routing."""
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return to_response(problem_reply(error.status_code, headers=error.headers))
    return to_response(reply_to(error))
