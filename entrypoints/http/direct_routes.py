"""DirectRoutes: the routes of payers and probes, called without the layers of Litestar.

Litestar documents them, and routes everything else; its layers, from exception handler to response,
took about a third of a request's time beside the database (docs/performance.md).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from attrs import frozen
from litestar.handlers import HTTPRouteHandler

from entrypoints.http.http_request import HttpRequest
from entrypoints.http.replies import Reply
from entrypoints.http.responses import ReplyResponse, error_reply

DIRECT: Final = {"direct": True}
"""The option of such a route."""

_TEXT: Final = ":str}"


@frozen
class DirectRoute:
    """A route, and the value of its path parameter."""

    function: Callable[..., Awaitable[ReplyResponse]]
    template: str
    """The path for metrics and logs."""
    parameters: Mapping[str, str]

    async def reply(self, request: HttpRequest) -> Reply:
        """Return the reply to a request."""
        try:
            response = await self.function(request=request, **self.parameters)
        except Exception as error:
            return error_reply(error)
        return response.reply


@frozen
class DirectRoutes:
    """Finds routes whose path is fixed, or fixed but for its last segment."""

    fixed: Mapping[tuple[str, str], DirectRoute]
    """By method and path."""
    parents: Mapping[tuple[str, str], tuple[DirectRoute, str]]
    """By method and path up to its last slash, with the name of what follows."""
    others: frozenset[str]
    """Paths that are fixed, so that their last segment is no parameter."""

    @classmethod
    def of(cls, handlers: Iterable[HTTPRouteHandler]) -> "DirectRoutes":
        """Return those of the service's routes that have the option DIRECT."""
        fixed, parents, others = {}, {}, set()
        for handler in handlers:
            (path,), (method,) = handler.paths, handler.http_methods
            parent, _, last = path.rpartition("/")
            route = DirectRoute(handler.fn, path.replace(_TEXT, "}"), {})
            if "{" not in path:
                others.add(path)
            if not handler.opt.keys() >= DIRECT.keys():
                continue
            if "{" in path:
                parents[str(method), parent] = route, last[1 : -len(_TEXT)]
            else:
                fixed[str(method), path] = route
        return cls(fixed, parents, frozenset(others))

    def find(self, method: str, path: str) -> DirectRoute | None:
        """Return the route of a request; None if it is one of Litestar's."""
        found = self.fixed.get((method, path))
        if found is not None or path in self.others:
            return found
        parent, _, last = path.rpartition("/")
        if (method, parent) not in self.parents or not last:
            return None
        route, name = self.parents[method, parent]
        return DirectRoute(route.function, route.template, {name: last})
