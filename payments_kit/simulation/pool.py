"""Pool: processes that run seeds, and end with the one that has started them."""

import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process


def open_pool(jobs: int) -> ProcessPoolExecutor:
    """Open a pool of so many processes."""
    # A forked process needs to import nothing, which takes as long as some thirty seeds.
    return ProcessPoolExecutor(jobs, get_context("fork"), _begin)


def _begin() -> None:
    """Prepare a process of the pool, before its first task."""
    # An interrupt of the terminal reaches all processes; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent was killed: it would wait for tasks for ever."""
    parent = parent_process()
    assert parent is not None  # noqa: S101 - the processes of a pool have one
    # The pipe that it holds is closed then, whatever has killed it.
    connection.wait([parent.sentinel])
    os._exit(1)
