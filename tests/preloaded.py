"""What the forks of tests/forks.py have imported when they begin: all that a command may use."""

import gc
import importlib
import pkgutil

import adapters
import entrypoints
from entrypoints.http.app import create_app
from tests.entrypoints.http.world import HttpWorld

for package in (entrypoints, adapters):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        # Alembic runs the module `env`.
        if "migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
for name in (
    "alembic.command",
    "anyio._backends._asyncio",
    "encodings.idna",
    "uvloop",
    "pytest_asyncio.plugin",
):
    importlib.import_module(name)

# Litestar imports a part of itself when it creates the first application.
create_app(HttpWorld().dependencies())

# A collection in a fork would touch, and so copy, all memory that it shares.
gc.collect()
gc.freeze()
