"""CPU time and memory of processes and all their descendants, as Linux counts them in /proc."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")

# The fields of /proc/PID/stat after the name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)  # utime, stime, and those of children that have ended


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its descendants, and their children that have ended.

    It is 0 where there is no /proc.
    """
    ticks = os.sysconf("SC_CLK_TCK")
    stats = _stats()
    return sum(_ticks(stats[each]) for each in _tree(pid, stats)) / ticks


def memory_bytes(pid: int) -> int:
    """Return the resident memory of one process; 0 where there is no /proc."""
    try:
        resident = (PROC / str(pid) / "statm").read_text().split()[1]
    except OSError:
        return 0
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


def _stats() -> Mapping[int, list[str]]:
    found = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name is in parentheses, and may contain spaces and parentheses.
            found[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
    return found


def _tree(root: int, stats: Mapping[int, list[str]]) -> Iterator[int]:
    if root in stats:
        yield root
    for pid, fields in stats.items():
        if int(fields[_PARENT]) == root:
            yield from _tree(pid, stats)


def _ticks(fields: list[str]) -> int:
    return sum(int(each) for each in fields[_TIMES])
