"""Where the demo keeps its data, and that no two demos keep it in the same place."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from payments_kit.servers.processes import LocalServerError, User

DEFAULT: Final = Path(".payments-demo")


@contextmanager
def data_folder(wanted: Path | None, say: Callable[[str], None]) -> Iterator[Path | None]:
    """Hold a folder for ourselves; None stands for temporary ones.

    Without a wish it is `.payments-demo` in the current folder, or a temporary one where that will
    not do, which `say` is told.

    Raises:
        LocalServerError: the folder wished for cannot be used, or another demo uses it.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(hold((wanted or DEFAULT).absolute()))
        except LocalServerError as refusal:
            if wanted is not None:
                raise
            say(f"{refusal}; this demo takes a temporary folder and will keep nothing")
            folder = None
        yield folder


@contextmanager
def hold(folder: Path) -> Iterator[Path]:
    """Make a folder if need be, and keep other demos out of it.

    Raises:
        LocalServerError: it cannot be used, or another demo uses it.
    """
    if not User.unprivileged().can_enter(folder):
        raise LocalServerError(f"{folder} cannot be used: PostgreSQL's user, nobody, cannot enter")
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            # PostgreSQL's user, where that is not ourselves, has to pass; its own folder is closed.
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
