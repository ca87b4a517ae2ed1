"""The log of the service."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from entrypoints.logs import configure_logs


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the lines that the service has logged so far, without those of its client."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    configure_logs(stream)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
