"""Pages: what every page of the console needs of a request, and how errors look."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec
import structlog
from attrs import frozen
from htpy import Node, Renderable, a, div, h1, head, html, li, meta, p, ul
from litestar import Response

from application.log_context import note as note_in_log
from application.ports.clock import Clock
from entrypoints.console.forms import TOKEN_FIELD, Form
from entrypoints.console.layout import Frame, section_of
from entrypoints.console.operators import MAX_TOKEN_CHARACTERS, OperatorDesk, SignedIn
from entrypoints.console.origin import (
    ForeignRequest,
    check_origin,
    comes_from_elsewhere,
    session_cookie,
)
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.replies import Reply
from entrypoints.http.reply_bodies import Problem
from entrypoints.http.responses import error_reply

logger = structlog.get_logger(__name__)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer`, browsers would send the origin of a form as `null`.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
"""The headers of every page: nothing but files of ours, and never within another page."""

# Litestar adds the charset.
_HTML: Final = "text/html"

SIGN_IN: Final = "/ops/sign-in"

Handler = Callable[[HttpRequest], Awaitable[Response[bytes]]]


@frozen
class Visit:
    """A request of an operator who is signed in."""

    request: HttpRequest
    operator: SignedIn
    now: datetime

    def frame(self, title: str, section: str | None = None, heading: Node = None) -> Frame:
        """Return the frame of a page."""
        return Frame(title, self.operator, section, heading)


class NoSession(Exception):
    """The request has no session that goes on."""


@frozen
class Pages:
    """Finds the operator of each request before anything else is done for it."""

    desk: OperatorDesk
    now: Clock

    def page(self, show: Callable[[Visit], Awaitable[Response[bytes]]]) -> Handler:
        """Return the handler of a page that is shown to operators."""

        async def handle(request: HttpRequest) -> Response[bytes]:
            visit = None
            try:
                visit = await self._visit(request)
                return await show(visit)
            except NoSession:
                return _to_sign_in(request)
            except Exception as error:
                return error_page(error, visit)

        return handle

    def live(self, show: Callable[[Visit], Awaitable[Response[bytes]]]) -> Handler:
        """Return the handler of what a page asks for by itself, which is no use of its session."""

        async def handle(request: HttpRequest) -> Response[bytes]:
            try:
                return await show(await self._visit(request, is_use=False))
            except NoSession:
                # A browser does not ask again after this status.
                return Response(b"", status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
            except Exception as error:
                return error_page(error, None)

        return handle

    def action(self, act: Callable[[Visit, Form], Awaitable[Response[bytes]]]) -> Handler:
        """Return the handler of a form."""

        async def handle(request: HttpRequest) -> Response[bytes]:
            visit = None
            try:
                check_origin(request)
                visit = await self._visit(request)
                form = await Form.of(request)
                if not visit.operator.has_form_token(form.text(TOKEN_FIELD)):
                    raise ForeignRequest
                return await act(visit, form)
            except NoSession:
                # What was to be sent is lost: after signing in, the form is filled in again.
                return redirect(SIGN_IN)
            except Exception as error:
                return error_page(error, visit)

        return handle

    async def _visit(self, request: HttpRequest, *, is_use: bool = True) -> Visit:
        cookie = session_cookie(request)
        token = "" if cookie is None else cookie[1]
        if not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
            raise NoSession
        operator = await self.desk.find(token, is_use=is_use)
        if operator is None:
            raise NoSession
        note_in_log(operator=operator.name)
        return Visit(request, operator, self.now())


def html_response(
    page: Renderable, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return a page."""
    return Response(
        str(page).encode(),
        status_code=status,
        headers={**HEADERS, **(headers or {})},
        media_type=_HTML,
    )


def redirect(path: str, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """Lead to another page of ours."""
    return Response(
        b"",
        status_code=HTTPStatus.SEE_OTHER,
        headers={**HEADERS, "Location": path, **(headers or {})},
        media_type=_HTML,
    )


def error_page(error: Exception, visit: Visit | None) -> Response[bytes]:
    """Return the page that says what the operator API would say."""
    if isinstance(error, ForeignRequest):
        logger.warning("form refused", problem="it is of another site, or of another session")
        text = "The form is not from this session. Go back, load the page again, and repeat it."
        return _problem_page(HTTPStatus.FORBIDDEN, (text,), visit)
    reply = error_reply(error)
    return _problem_page(reply.status, problems_of(reply), visit, reply.headers)


def problems_of(reply: Reply) -> tuple[str, ...]:
    """Return the messages of a reply that is a problem."""
    problem = msgspec.json.decode(reply.content, type=Problem)
    return tuple(each.message for each in problem.errors)


def _problem_page(
    status: int,
    messages: tuple[str, ...],
    visit: Visit | None,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    title = HTTPStatus(status).phrase
    operator = visit.operator if visit else None
    path, name = section_of(visit.request.url.path if visit else "")
    page = Frame(title, operator).around(
        div(class_="card problem", role="alert")[
            None if operator else h1[title],
            p[messages[0]] if len(messages) == 1 else ul[(li[each] for each in messages)],
            p(class_="hint")[f"Status {status}. ", a(href=path)[f"Back to {name.lower()}"]],
        ]
    )
    return html_response(page, status, headers)


def _to_sign_in(request: HttpRequest) -> Response[bytes]:
    path, query = request.url.path, request.url.query
    target = path + (f"?{query}" if query else "")
    if b"hx-request" in request.fields:
        # htmx loads the whole page again, which leads to the sign-in.
        return html_response(html(lang="en"), headers={"HX-Refresh": "true"})
    if comes_from_elsewhere(request):
        # A link from a chat: the browser sends the cookie once the page itself leads here.
        refresh = meta(http_equiv="refresh", content=f"0; url={target}")
        return html_response(html(lang="en")[head[refresh]])
    return redirect(f"{SIGN_IN}?next={quote(target, safe='')}")
