"""`/ops/static/…`: style, scripts and the icon; htmx is vendored, so that no other host is asked.

htmx 2.0.11 and its extension for server-sent events 2.2.4 are BSD Zero Clause; htmx.LICENSE.txt has
the text. https://htmx.org/
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from litestar import Response

from entrypoints.console.pages import HEADERS, error_page
from entrypoints.http.errors import NotFound
from entrypoints.http.http_request import HttpRequest

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "htmx-sse.min.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def read_static_files() -> Mapping[str, bytes]:
    """Return the files by name; there are few, and they stay in memory."""
    return {name: (_FOLDER / name).read_bytes() for name in _TYPES}


class StaticFiles:
    """The route of the files; they are public, as the page to sign in needs them."""

    def __init__(self) -> None:
        self._files = read_static_files()

    async def show(self, request: HttpRequest) -> Response[bytes]:
        """Return a file."""
        name = str(request.path_params["name"])
        if name not in self._files:
            return error_page(NotFound(), None)
        return Response(self._files[name], headers=HEADERS, media_type=_TYPES[name])
