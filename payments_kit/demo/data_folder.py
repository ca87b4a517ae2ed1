"""The demo's data folder, which only one demo may use at a time."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from payments_kit.servers.processes import LocalServerError, User

DEFAULT_FOLDER: Final = Path(".payments-demo")


@contextmanager
def open_data_folder(requested: Path | None, warn: Callable[[str], None]) -> Iterator[Path | None]:
    """Lock the data folder and yield it; yield None for temporary folders.

    If no folder is requested, it is `.payments-demo` in the current folder. If that can't be used,
    the demo uses temporary folders, and `warn` gets the reason.

    Raises:
        LocalServerError: the requested folder can't be used, or another demo uses it.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(lock_folder((requested or DEFAULT_FOLDER).absolute()))
        except LocalServerError as error:
            if requested is not None:
                raise
            warn(f"{error}; this demo uses a temporary folder and keeps no data")
            folder = None
        yield folder


@contextmanager
def lock_folder(folder: Path) -> Iterator[Path]:
    """Create a folder if it does not exist, and lock it against other demos.

    Raises:
        LocalServerError: it can't be used, or another demo uses it.
    """
    if not User.unprivileged().can_enter(folder):
        raise LocalServerError(f"{folder} cannot be used: PostgreSQL's user `nobody` cannot enter")
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            # PostgreSQL's user, if it is another one, must reach its own folder inside; that one
            # is closed to others.
            folder.chmod(0o711)
        owner = folder.stat().st_uid
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise LocalServerError(f"{folder} cannot be used: {error.strerror}") from error
    with lock:
        if owner != os.geteuid():
            raise LocalServerError(f"{folder} belongs to another user")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalServerError(f"{folder} is in use by another demo") from error
        yield folder
